/**
 * Kernel patches as named switches.
 *
 * A tree has a patch when its release is at or past `landed`, or when its stable releases took it
 * (`stable`). A profile stands for the newest stable release of its series, so backports count.
 * Source of names, commits and releases: the mainline history and the stable trees. Source of the
 * stable releases with a patch level: the ChangeLog-6.y.z files of kernel.org.
 */

/** One commit, or a series with one effect, and what it changes. */
export interface Patch {
  /** Commit id in mainline, abbreviated; null where it was never determined. */
  readonly commit: string | null;
  readonly subject: string;
  /** First mainline release with it. */
  readonly landed: string;
  /**
   * Older series that took it too: `6.1.53` is the first stable release with it, `6.5` a series of
   * which that release was not determined.
   */
  readonly stable: readonly string[];
  readonly before: string;
  readonly after: string;
}

const patches = {
  bus_dma_cleanup: {
    commit: '25f3bcfc54bc',
    subject: 'driver core: Add dma_cleanup callback in bus_type',
    landed: '5.19',
    stable: [],
    before: 'a failed probe and an unbind only tear down the DMA ops',
    after: 'they call bus->dma_cleanup, which gives DMA ownership back',
  },
  bus_dma_ownership: {
    commit: '512881eacfa7',
    subject: 'bus: platform,amba,fsl-mc,PCI: Add device DMA ownership management',
    landed: '5.19',
    stable: [],
    before: 'dma_configure never touches the group of the device',
    after: 'dma_configure counts the device in owner_cnt, or fails with -EBUSY',
  },
  pci_stub_managed: {
    commit: '18c7a349d072',
    subject: 'PCI: pci_stub: Set driver_managed_dma',
    landed: '5.19',
    stable: [],
    before: 'pci-stub counts as a kernel owner of its group',
    after: 'pci-stub is not counted',
  },
  portdrv_managed: {
    commit: 'c7d469849747',
    subject: 'PCI: portdrv: Set driver_managed_dma',
    landed: '5.19',
    stable: [],
    before: 'pcieport counts as a kernel owner: a group with a bridge is never viable',
    after: 'pcieport is not counted',
  },
  vfio_claims: {
    commit: '70693f470848',
    subject: 'vfio: Set DMA ownership for VFIO devices',
    landed: '5.19',
    stable: [],
    before: 'VFIO drivers count as kernel owners of their group',
    after: 'VFIO drivers are not counted; SET_CONTAINER claims the group',
  },
  test_remove_dma_cleanup: {
    commit: 'f429378a9bf8',
    subject: 'driver core: Call dma_cleanup() on the test_remove path',
    landed: '6.6',
    stable: ['6.1.53', '6.5'],
    before: 'DEBUG_TEST_DRIVER_REMOVE leaves owner_cnt one too high for each probed device',
    after: 'the test removal gives DMA ownership back before it probes again',
  },
  devres_before_links: {
    commit: '2e84dc379200',
    subject: 'driver core: Release all resources during unbind before updating device links',
    landed: '6.7',
    stable: ['5.10', '6.1.64', '6.5.13'],
    before: 'unbind updates device links before devres is released',
    after: 'devres is released first',
  },
  ready_to_probe: {
    commit: null,
    subject: "driver core: Don't let a device probe until it's ready",
    landed: '7.0',
    stable: ['5.15', '6.1.175', '6.8', '6.12.86'],
    before: 'a driver may probe a device before device_add has finished with it',
    after: 'such a probe returns -EPROBE_DEFER and is not queued',
  },
  identity_default_ok: {
    commit: null,
    subject: 'iommu: Fix false ownership failure on AMD systems with PASID activated',
    landed: '6.1',
    stable: ['5.19'],
    before: 'a current domain other than the default one refuses a kernel driver',
    after: 'two identity domains count as the same',
  },
  use_default_defer: {
    commit: 'b46064a18810',
    subject: 'iommu: Handle race with default domain setup',
    landed: '6.15',
    stable: ['6.6', '6.8', '6.12.26'],
    before: 'a device whose group has no default domain yet is counted',
    after: 'iommu_device_use_default_domain returns -EPROBE_DEFER for it',
  },
  group_type_by_owner: {
    commit: null,
    subject: 'iommu: Consolidate the default_domain setup to one function',
    landed: '6.5',
    stable: [],
    before: 'a group type is changed only for a single device without a bound driver',
    after: 'it is changed for any number of devices, and refused with -EPERM while owner_cnt != 0',
  },
  iommu_probe_rework: {
    commit: 'aa0958570f24',
    subject: 'iommu: Add iommu_init/deinit_device() paired functions',
    landed: '6.6',
    stable: [],
    before: 'a device is attached before its group join is printed, and its leaving is printed',
    after: 'the join is printed first, leaving is silent, the last one out warns of a leaked owner',
  },
  bus_ops_retired: {
    commit: '17de3f5fdd35',
    subject: 'iommu: Retire bus ops',
    landed: '6.8',
    stable: [],
    before: 'one IOMMU driver per system, found through bus->iommu_ops, never reset',
    after: 'several drivers, found through the fwspec of the device',
  },
  fwspec_needs_iommu: {
    commit: '3e36c15fc1cc',
    subject: 'iommu: Resolve fwspec ops automatically',
    landed: '6.10',
    stable: [],
    before: 'a device that waits for its IOMMU keeps dev->iommu with an fwspec without ops',
    after: 'a failed lookup leaves nothing behind',
  },
  of_request_acs: {
    commit: null,
    subject: 'iommu/of: Request ACS from the PCI core when configuring IOMMU linkage',
    landed: '5.6',
    stable: [],
    before: 'the SMMU driver requests ACS as it probes',
    after: 'the first dma_configure of a PCI device does, after the boot-time scan',
  },
  vfio_pseudo_fs: {
    commit: 'b7c5e64fecfa',
    subject: 'vfio: Create vfio_fs_type with inode per device',
    landed: '6.10',
    stable: [],
    before: 'a registered VFIO device holds no reference on the vfio module',
    after: 'the pseudo file system that VFIO devices share holds one',
  },
  pci_port_in_log: {
    commit: null,
    subject: 'PCI: Log device type during enumeration',
    landed: '6.8',
    stable: [],
    before: 'a function found by a scan is printed with its ids, header type and class',
    after: 'the kind of PCI Express port is printed too',
  },
  fw_parse_at_add: {
    commit: 'bcb81ac6ae3c',
    subject: 'iommu: Get DT/ACPI parsing into the proper probe path',
    landed: '6.15',
    stable: [],
    before: 'a firmware-described device joins its group when its first driver binds',
    after: 'it joins when it is added or when its IOMMU registers',
  },
  defer_reason_in_log: {
    commit: '7c41da586e9f',
    subject: 'driver core: Emit reason for pending deferred probe',
    landed: '6.8',
    stable: [],
    before: '`deferred probe pending` is printed at level info without a reason',
    after: 'it is a warning that ends with the reason',
  },
  probe_wording: {
    commit: null,
    subject: 'driver core: Use dev_* instead of pr_* so device metadata is added',
    landed: '6.10',
    stable: [],
    before: 'warning `DRV: probe of DEV failed with error N`',
    after: 'error `DRV DEV: probe with driver DRV failed with error N`',
  },
  timeout_extend: {
    commit: null,
    subject: 'driver core: Extend deferred probe timeout on driver registration',
    landed: '5.19',
    stable: [],
    before: 'the deferred probe timeout runs from the end of the initcalls',
    after: 'every driver registration starts it again',
  },
  timeout_default_10: {
    commit: 'f516d01b9df2',
    subject: 'Revert "driver core: Set default deferred_probe_timeout back to 0."',
    landed: '6.0',
    stable: [],
    before: 'the deferred probe timeout is 0 unless set on the command line',
    after: 'it is 10 seconds in a kernel with modules',
  },
  group_isolated_msi: {
    commit: null,
    subject: 'vfio/type1: Convert to iommu_group_has_isolated_msi()',
    landed: '6.3',
    stable: [],
    before: 'VFIO asks the IOMMU whether it remaps interrupts, device by device',
    after: 'it asks the MSI domains of the devices',
  },
  smmu_client_coherency_fallback: {
    commit: 'ac9c5e92dd15',
    subject: 'iommu/arm-smmu: Report IOMMU_CAP_CACHE_COHERENCY even betterer',
    landed: '6.2',
    stable: ['6.1.7'],
    before: 'arm-smmu is coherent only if its table walks are',
    after: 'or if firmware calls the client device coherent',
  },
} as const satisfies Record<string, Patch>;

export type PatchName = keyof typeof patches;

/** Every patch by name. */
export const PATCHES: Readonly<Record<PatchName, Patch>> = patches;
