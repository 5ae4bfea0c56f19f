/** What the drivers of Arm's SMMUs do with the hardware, and what they say. Rows of the patch table. */
import type { Patch } from './patch.ts';

export const smmuPatches = {
  smmu_blocked_domain: {
    commit: null,
    subject: 'iommu/arm-smmu: Implement IOMMU_DOMAIN_BLOCKED',
    landed: '6.8',
    stable: [],
    before:
      'a group that a user owns waits on an empty domain of its own, which takes a context bank',
    after: 'its stream mapping entries fault, and no bank is taken',
    scenario: 'context-banks-run-out-under-vfio',
  },
  smmu_v3_blocked_domain: {
    commit: null,
    subject:
      'iommu/arm-smmu-v3: Add a global static BLOCKED domain; Use the identity/blocked domain during release',
    landed: '6.9',
    stable: [],
    before:
      'a group behind an SMMU v3 that a user owns waits on an empty domain of its own; streams of ' +
      'devices that are gone do as those that never were attached',
    after:
      'its stream table entries abort meanwhile; those of devices that are gone do too, and bypass ' +
      'where firmware wants a range mapped 1:1',
    scenario: 'a-removed-device-leaves-its-rmr-stream',
  },
  smmu_fault_stream: {
    commit: null,
    subject: 'iommu/arm-smmu: Log CBFRSYNRA register on context fault',
    landed: '5.3',
    stable: [],
    before: 'the line of a context fault does not say whose it is',
    after: 'it has the stream id: cbfrsynra',
    scenario: 'dma-beyond-what-is-mapped',
  },
  smmu_fault_decoded: {
    commit: null,
    subject: 'iommu/arm-smmu: Pretty-print context fault related regs',
    landed: '6.12',
    stable: [],
    before: 'the registers of a context fault are numbers',
    after: 'two more lines spell FSR and FSYNR0 out',
    scenario: 'dma-beyond-what-is-mapped',
  },
  smmu_v3_bypass_retired: {
    commit: null,
    subject: 'iommu/arm-smmu-v3: Retire disable_bypass parameter',
    landed: '6.10',
    stable: [],
    before: 'streams that no device was attached for bypass with arm_smmu_v3.disable_bypass=0',
    after: 'they abort, whatever the command line says',
    scenario: 'unattached-streams-of-an-smmu-v3-bypass',
  },
  smmu_v3_events_decoded: {
    commit: null,
    subject: 'iommu/arm-smmu-v3: Log better event records',
    landed: '6.15',
    stable: [],
    before: 'an event of an SMMU v3 is printed as four raw words',
    after: 'its name, the device, the address and the kind of access are printed after them',
    scenario: 'late-smmu-blocks-a-running-card',
  },
} as const satisfies Record<string, Patch>;
