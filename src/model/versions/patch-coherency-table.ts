/** Whether DMA is coherent with the caches, who says so, and what VFIO demands. Rows of the patch table. */
import type { Patch } from './patch.ts';

export const coherencyPatches = {
  vfio_requires_coherency: {
    commit: 'e8ae0e140c05',
    subject: 'vfio: Require that devices support DMA cache coherence',
    landed: '5.19',
    stable: [],
    before: 'VFIO maps with IOMMU_CACHE where the IOMMU can, and takes any device',
    after: 'a VFIO driver refuses a device without coherent DMA with -EINVAL',
    scenario: 'vfio-refuses-a-coherent-nic',
  },
  vfio_device_capable: {
    commit: '3b498b665621',
    subject: 'vfio: Use device_iommu_capable()',
    landed: '6.0',
    stable: [],
    before: 'the IOMMU of the bus is asked whether DMA is coherent',
    after: 'the IOMMU is asked for that device',
    scenario: 'vfio-refuses-a-coherent-nic',
  },
  smmu_truthful_coherency: {
    commit: 'df198b37e72c',
    subject: 'iommu/arm-smmu: Report IOMMU_CAP_CACHE_COHERENCY better',
    landed: '6.1',
    stable: [],
    before: 'SMMU drivers say that all DMA is coherent',
    after: 'it is where their own table walks are',
    scenario: 'vfio-refuses-a-coherent-nic',
  },
  smmu_client_coherency_fallback: {
    commit: 'ac9c5e92dd15',
    subject: 'iommu/arm-smmu: Report IOMMU_CAP_CACHE_COHERENCY even betterer',
    landed: '6.2',
    stable: ['6.1.7'],
    before: 'arm-smmu is coherent only if its table walks are',
    after: 'or if firmware calls the client device coherent',
    scenario: 'vfio-refuses-a-coherent-nic',
  },
  smmu_client_unless_noncoherent: {
    commit: null,
    subject: 'iommu/arm-smmu: Test != DEV_DMA_NON_COHERENT (question on the fallback)',
    landed: null,
    stable: [],
    before:
      'a client of which firmware says nothing is not coherent for smmu_client_coherency_fallback',
    after: 'only one that firmware calls not coherent is not',
    scenario: 'a-card-without-a-node-may-not-snoop',
  },
  vfio_check_late: {
    commit: null,
    subject: 'vfio: Move the coherency check to the registration of the device',
    landed: '6.7',
    stable: [],
    before: 'coherency is checked before the VFIO group is made',
    after:
      'it is checked when the device is registered: its group is there by then, and goes again',
    scenario: 'vfio-refuses-a-card-that-does-not-snoop',
  },
  smmu_no_unregister_on_shutdown: {
    commit: 'ce31e6ca68bd',
    subject: "iommu/arm-smmu: Don't unregister on shutdown",
    landed: '6.2',
    stable: ['6.1.7'],
    before: 'shutdown of an SMMU is its removal: groups of devices that still run go away',
    after: 'shutdown only disables the hardware',
    scenario: 'smmu-shutdown-takes-groups-away',
  },
} as const satisfies Record<string, Patch>;
