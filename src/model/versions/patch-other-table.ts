/** Log lines and small things of neighbours. Rows of the patch table. */
import type { Patch } from './patch.ts';

export const otherPatches = {
  defer_reason_in_log: {
    commit: '7c41da586e9f',
    subject: 'driver core: Emit reason for pending deferred probe',
    landed: '6.8',
    stable: [],
    before: '`deferred probe pending` is printed at level info without a reason',
    after: 'it is a warning that ends with the reason',
    scenario: 'a-supplier-that-never-comes',
  },
  probe_wording: {
    commit: null,
    subject: 'driver core: Use dev_* instead of pr_* so device metadata is added',
    landed: '6.10',
    stable: [],
    before: 'warning `DRV: probe of DEV failed with error N`',
    after: 'error `DRV DEV: probe with driver DRV failed with error N`',
    scenario: 'since-5.12-a-failed-bind-says-why',
  },
  pci_port_in_log: {
    commit: null,
    subject: 'PCI: Log device type during enumeration',
    landed: '6.8',
    stable: [],
    before: 'a function found by a scan is printed with its ids, header type and class',
    after: 'the kind of PCI Express port is printed too',
    scenario: 'acs-switched-on-as-dma-is-configured',
  },
  vfio_pseudo_fs: {
    commit: 'b7c5e64fecfa',
    subject: 'vfio: Create vfio_fs_type with inode per device',
    landed: '6.10',
    stable: [],
    before: 'a registered VFIO device holds no reference on the vfio module',
    after: 'the pseudo file system that VFIO devices share holds one',
    scenario: 'iommufd-claims-two-devices-of-a-group',
  },
  group_isolated_msi: {
    commit: null,
    subject: 'vfio/type1: Convert to iommu_group_has_isolated_msi()',
    landed: '6.3',
    stable: [],
    before: 'VFIO asks the IOMMU whether it remaps interrupts, device by device',
    after: 'it asks the MSI domains of the devices',
    scenario: 'one-plain-msi-controller-spoils-vfio',
  },
} as const satisfies Record<string, Patch>;
