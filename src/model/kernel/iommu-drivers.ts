/** The drivers of IOMMUs and their ops, by name. Kernel: drivers/iommu, v6.1. */
import type { DriverOps, IommuOps } from '../context.ts';
import { amd_iommu_report_page_fault } from './amd-iommu.ts';
import { armSmmuDriver, armSmmuOps } from './arm-smmu.ts';
import { smmuStreams } from './arm-smmu-attach.ts';
import { armSmmuV3Driver, armSmmuV3Ops } from './arm-smmu-v3.ts';
import { dmar_fault } from './intel-iommu.ts';
import { replaceDefaultDomain } from './intel-private-domain.ts';
import { ipmmuMapping } from './ipmmu-mapping.ts';
import { ipmmuDriver, ipmmuOps } from './ipmmu-vmsa.ts';
import { refuseRmrrLocked } from './reserved-regions.ts';
import { virtioIommuDriver, virtioIommuOps } from './virtio-iommu.ts';
import { X86_OPS, x86Ops } from './x86-iommu.ts';

/**
 * The drivers that drive an IOMMU, by name.
 *
 * Kernel: arm-smmu.c, arm-smmu-v3.c, virtio-iommu.c, ipmmu-vmsa.c below drivers/iommu, v6.1.
 * Leaves out: the other IOMMU drivers.
 */
export const IOMMU_DRIVERS: ReadonlyMap<string, DriverOps> = new Map([
  ['arm-smmu', armSmmuDriver],
  ['arm-smmu-v3', armSmmuV3Driver],
  ['virtio_iommu', virtioIommuDriver],
  ['ipmmu-vmsa', ipmmuDriver],
]);

/**
 * The ops of every IOMMU driver, by the name of the driver.
 *
 * Kernel: struct iommu_ops of the same files, v6.1.
 * Leaves out: the other IOMMU drivers.
 */
export const IOMMU_OPS: ReadonlyMap<string, IommuOps> = new Map([
  ['arm-smmu', { ...armSmmuOps, ...smmuStreams.get('arm-smmu') }],
  ['arm-smmu-v3', { ...armSmmuV3Ops, ...smmuStreams.get('arm-smmu-v3') }],
  ['virtio_iommu', virtioIommuOps],
  ['ipmmu-vmsa', { ...ipmmuOps, ...ipmmuMapping }],
  [
    X86_OPS.intel,
    {
      ...x86Ops,
      attach_dev: refuseRmrrLocked,
      report_fault: dmar_fault,
      probe_finalize: replaceDefaultDomain,
    },
  ],
  [X86_OPS.amd, { ...x86Ops, report_fault: amd_iommu_report_page_fault }],
]);
