/**
 * The kernel messages that reprobe understands.
 *
 * To add one, write a row with an example into one of the tables; where two rows match a line, the
 * one that comes first counts.
 */
import { DRIVER_CORE } from './catalogue-driver-core.ts';
import { GENERIC } from './catalogue-generic.ts';
import { IOMMU } from './catalogue-iommu.ts';
import { KERNEL } from './catalogue-kernel.ts';
import { MODULES } from './catalogue-module.ts';
import { PCI } from './catalogue-pci.ts';
import { type CatalogueRow, compileRow } from './catalogue-row.ts';
import { VFIO } from './catalogue-vfio.ts';
import { X86_IOMMU } from './catalogue-x86.ts';

export const CATALOGUE: readonly CatalogueRow[] = [
  ...KERNEL,
  ...DRIVER_CORE,
  ...IOMMU,
  ...X86_IOMMU,
  ...VFIO,
  ...PCI,
  ...MODULES,
  ...GENERIC,
].map(compileRow);
