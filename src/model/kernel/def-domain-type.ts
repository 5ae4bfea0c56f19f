/** Which domain type the devices of a group must have. Kernel: drivers/iommu/iommu.c, v6.1. */
import type { DomainType } from '../../events/terms.ts';
import type { Facts, Kernel } from '../context.ts';
import { deviceOf, groupById } from '../lookup.ts';
import type { Path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { dev_iommu_ops } from './iommu-ops.ts';
import { bridges } from './requester-ids.ts';

/**
 * Is the function below a port that firmware says faces the outside?
 *
 * Kernel: drivers/pci/probe.c:set_pcie_untrusted, v6.1.
 * Leaves out: nothing.
 */
function isUntrusted(k: Facts, dev: string): boolean {
  const { spec } = deviceOf(k, dev);
  return spec.pci !== undefined && bridges(k, dev).some((port) => port.spec.external_facing);
}

/**
 * A type by the name that messages give it.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_domain_type_str, v6.1.
 * Leaves out: nothing.
 */
export function domainName(type: DomainType): string {
  switch (type) {
    case 'identity':
      return 'Passthrough';
    case 'blocked':
      return 'Blocked';
    case 'unmanaged':
      return 'Unmanaged';
    default:
      return 'Translated';
  }
}

/** What the IOMMU driver wants for the device; null for whatever the kernel prefers. */
function ofDriver(k: Kernel, dev: string): DomainType | null {
  return dev_iommu_ops(k, dev)?.def_domain_type?.(k, dev) ?? null;
}

/**
 * The type one device must have; null for any.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_get_def_domain_type, v6.1; nobody is asked before
 * probe_phases.
 * Leaves out: nothing.
 */
export function typeByDevice(k: Kernel, dev: string): DomainType | null {
  if (!k.has('probe_phases')) return null;
  return isUntrusted(k, dev) ? 'DMA' : ofDriver(k, dev);
}

/**
 * The type the members of a group must have; null for any, or where they disagree.
 *
 * Kernel: drivers/iommu/iommu.c:probe_get_default_domain_type, v6.1.
 * Leaves out: nothing.
 */
export function* typeByMembers(k: Kernel, id: number): Path<DomainType | null> {
  let first: { readonly dev: string; readonly type: DomainType } | null = null;
  let type: DomainType | null = null;
  for (const dev of groupById(k, id).devices) {
    const wanted = typeByDevice(k, dev);
    if (wanted === null) continue;
    if (type !== null && type !== wanted) {
      const needs = `Device needs domain type ${domainName(wanted)}`;
      const other = `device ${first?.dev} in the same iommu group requires type ${domainName(type)}`;
      yield dev_printk(k, 'warn', dev, `${needs}, but ${other} - using default`);
      type = null;
    }
    if (first === null) {
      first = { dev, type: wanted };
      type = wanted;
    }
  }
  return type;
}

/**
 * The same since the default domain is set up in one place: identity wins where drivers disagree,
 * and an untrusted member accepts nothing but translation.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_get_default_domain_type and iommu_get_def_domain_type, v6.12.
 * Leaves out: kernels without CONFIG_IOMMU_DMA, IOMMU drivers with one static domain.
 */
export function* typeByGroup(k: Kernel, id: number): Path<DomainType | null | 'refused'> {
  let type: DomainType | null = null;
  let untrusted: string | null = null;
  for (const dev of groupById(k, id).devices) {
    const wanted = ofDriver(k, dev);
    if (wanted !== null && type !== null && wanted !== type) {
      const both = `${domainName(type)} and ${domainName(wanted)}`;
      const what = 'IOMMU driver error, requesting conflicting def_domain_type';
      yield dev_printk(k, 'err', dev, `${what}, ${both}, for devices in group ${id}.`);
      if (wanted === 'identity') type = wanted;
    }
    type ??= wanted;
    if (isUntrusted(k, dev)) untrusted = dev;
  }
  if (untrusted === null) return type;
  if (type === null || type === 'DMA') return 'DMA';
  const what = `driver is overriding group ${id} to ${domainName(type)}, refusing to probe.`;
  yield dev_printk(k, 'err', untrusted, `Device is not trusted, but ${what}`);
  return 'refused';
}
