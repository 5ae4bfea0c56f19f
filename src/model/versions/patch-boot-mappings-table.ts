/** What firmware left running in the IOMMU, and who keeps it alive. Rows of the patch table. */
import type { Patch } from './patch.ts';

export const bootMappingPatches = {
  driver_manages_iommu: {
    commit: null,
    subject: 'iommu: Add a driver flag to skip the default attach',
    landed: null,
    stable: [],
    before: 'every device is attached to a default domain before its driver probes',
    after: 'not where the driver says that it manages the IOMMU itself',
    scenario: 'inherited-streams-wait-for-their-driver',
  },
  smmu_inherit_hw: {
    commit: null,
    subject: 'iommu/arm-smmu: Inherit the stream mappings of the boot loader',
    landed: null,
    stable: [],
    before: 'the reset of an SMMU forgets all stream mappings',
    after: 'valid ones are kept',
    scenario: 'default-domain-cuts-an-inherited-stream',
  },
  qcom_def_identity: {
    commit: null,
    subject: 'iommu/arm-smmu-qcom: Request direct mapping for modem and display devices',
    landed: '5.8',
    stable: [],
    before: 'display and modem devices get the default domain type',
    after: 'they get an identity domain',
    scenario: 'qcom-readback-keeps-the-splash-screen',
  },
  qcom_readback: {
    commit: null,
    subject: 'iommu/arm-smmu-qcom: Read back stream mappings',
    landed: '5.11',
    stable: ['5.10'],
    before: 'stream mappings of the boot loader fault after the reset',
    after: 'they bypass',
    scenario: 'qcom-readback-keeps-the-splash-screen',
  },
  iort_rmr: {
    commit: null,
    subject: 'iommu/arm-smmu: Get associated RMR info and install bypass SMR',
    landed: '6.0',
    stable: [],
    before: 'streams of reserved memory ranges fault after the reset',
    after: 'they bypass, and are mapped 1:1 later',
    scenario: 'rmr-streams-fault-after-reset',
  },
  dt_iommu_addresses: {
    commit: null,
    subject: 'iommu: Implement of_iommu_get_resv_regions()',
    landed: '6.3',
    stable: [],
    before: 'iommu-addresses of reserved memory is not read',
    after: 'it makes 1:1 regions',
    scenario: 'iommu-addresses-not-read',
  },
} as const satisfies Record<string, Patch>;
