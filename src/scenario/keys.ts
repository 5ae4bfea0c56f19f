/** The keys of the maps in a scenario, each with what it says. The readers take these and no others. */
import { wordsOf } from './words.ts';

const scenario = {
  schema: 'the version of this format, 1',
  name: 'what the scenario is called; must be there',
  title: 'one sentence',
  story: 'the background, in prose',
  kernel: 'the kernel: its version alone, or a map; must be there',
  machine: 'the machine; must be there',
  steps: 'what happens, a list; `reprobe list steps`',
  choices: "the scheduler's choices, a list of numbers; each 0 where it does not say",
  expect: 'what should be so, a list; `reprobe list expectations`',
};

const kernel = {
  version: 'the release; must be there',
  release: 'what uname -r says',
  config: 'CONFIG_ options without the prefix, each with its value',
  cmdline: 'the command line',
  patches: 'patches, each on or off; `reprobe list patches`',
};

const machine = {
  from: 'a devicetree blob or an IORT, by its path from here; what stands beside it is added',
  firmware: 'devicetree, acpi or none',
  dmar: "the DMAR table's header, and its structures that are no units",
  arch: 'arm for the DMA operations of 32-bit Arm; arm64 where it does not say',
  devices: 'the devices in the order in which they are found',
  drivers: 'the drivers: names of known ones, or maps',
  modules: 'the modules: names, or maps',
  failures:
    'by iommu_group_alloc or iommu_domain_alloc and device: what it returns, attempt by attempt',
  boot: 'the order of the boot: populate, iommu_subsys, device: DEV, iommu: DEV, driver: DRV, late_initcall',
};

const device = {
  name: "the kernel's name of it; must be there",
  bus: "the bus it is on, or ''; pci where it has a pci, else it must be there",
  parent: 'the device above it; none where it does not say',
  ids: 'what drivers match: compatible strings, ACPI ids, a modalias',
  disabled: 'true where firmware says so: it never appears',
  of_disabled: 'true for a PCI function whose firmware node is disabled',
  iommu_kind: 'which kind of IOMMU it is, if it is one',
  dma_coherent: 'true where firmware says that it is coherent with the caches',
  snoops: 'whether the hardware keeps its DMA coherent, where firmware errs',
  isolated_msi: 'false on a host bridge whose MSIs do not tell their senders apart',
  caching_mode: 'true for a VT-d unit that may cache unmapped entries',
  vtd: 'the registers of a VT-d unit',
  amd_vi: "the registers of one of AMD's IOMMUs, and what IVRS says of it",
  viommu: 'what a virtio-iommu offers',
  ipmmu: 'which contexts an IPMMU uses',
  mmu_masters: 'true for an SMMU whose own node lists the devices behind it',
  registers: 'of an SMMU: its id registers, ID0 to ID2 or IDR0, IDR1, IDR3 and IDR5',
  stream_match_mask:
    'of an SMMU: the bits of stream ids that it does not look at where iommus has no masks',
  context_irqs: 'of an SMMU: how many interrupts there are for context banks',
  contexts: 'of an IOMMU: how many translation contexts it has',
  boot_mapping: 'translate, bypass or none: it does DMA since before the kernel, set up like that',
  reserved: 'the memory that firmware reserves for it: a list of { type, via, start, length }',
  boot_memory:
    'the memory that DMA with a boot_mapping needs: a list of { start, length, tables, reserved, unseen }',
  notifier_dma_ops: 'what a bus notifier of the board makes its dma_ops, on arm',
  iommus: 'the IOMMUs behind which it is: a list of { iommu, ids, masks }',
  suppliers: 'the devices whose drivers must be bound first',
  match_defers_on: 'the devices that must be bound before the bus can read what this one is',
  child_suppliers: 'the same, named by firmware nodes below it that get no device',
  iommu_map: 'of a host bridge: a list of { iommu, rid_base, sid_base, length }',
  iommu_map_mask: 'of a host bridge: which bits of a requester id count',
  of_node: 'the path of its device tree node, where its name does not tell',
  icid: 'the isolation context of a device on the fsl-mc bus',
  external_facing: 'true for a port below which nothing is trusted',
  pci: 'what the configuration space says, for a PCI function',
  creates: "the devices that its driver's probe creates",
};

const driver = {
  name: 'what it is called; must be there without like',
  like: 'a known driver, from which the other keys differ',
  bus: 'the bus it is on; must be there without like',
  module: 'the module it is in; built in where it does not say',
  ids: 'the ids it matches, which may be modalias patterns',
  driver_managed_dma: 'true where it does not count as an owner of DMA',
  shutdown: 'quiesce where its shutdown switches the hardware off, remove where it is its remove',
  suppress_bind_attrs: 'true where it has no bind and unbind files',
  probe_type: 'default, async or sync',
  initcall: 'the level at which it registers where it is built in; device where it does not say',
  pasid: 'true where its probe has the IOMMU use PASIDs',
  sync_state: 'true where it has the callback: it cleans up when all consumers are bound',
  cleans_up: 'true where it switches off what is unused at the end of the boot',
  outcomes: 'per device what its probe returns, attempt by attempt: the last answer stays',
  outcome: 'what its probe returns for other devices; 0 where it does not say',
  defers_on:
    'per device those that must be bound before its probe succeeds; one that is nowhere never is',
  defer_reasons: 'per device the reason that a deferred probe gives',
  maps_dma: 'true where its probe allocates a managed DMA buffer',
  manages_iommu: 'true where it wants no default domain attached before its probe',
};

const pci = {
  id: "vendor:device, such as '8086:10d3'; must be there",
  class: 'the class code, such as 0x020000; must be there',
  type: 'the PCI Express type, or conventional; endpoint where it does not say',
  acs: 'none, off, on or partial',
  header: 'the header type; found by the type and the class where it does not say',
  bars: 'numbers of the resources it has, for its files in sysfs',
  multifunction: 'true where the header says so',
  slot: 'the physical number of the hot-plug slot behind a port that has one',
};

const module = {
  name: 'what it is called; must be there',
  depends: 'the modules that are loaded first',
  unresolved: 'symbols it uses that nothing exports: it does not load',
  init: 'what its init returns; 0 where it does not say',
  no_exit: 'true where it cannot be unloaded',
};

const vtd = {
  base: 'the address of its registers; must be there',
  include_all: 'true where it is for all that no other unit is for',
  ver: "VER_REG, such as '1:0'; must be there",
  cap: 'CAP_REG; must be there',
  ecap: 'ECAP_REG; must be there',
  ioapics: 'the enumeration ids of I/O APICs in its scope',
  hpets: 'the enumeration ids of HPETs in its scope',
  unused: 'true where no device in its scope exists',
  left_on: 'translation, interrupts: what is on as the kernel starts',
};

const dmar = {
  width: 'the bits of a host address; must be there',
  x2apic_opt_out: 'true where firmware asks not to use x2APIC mode',
  rmrr: 'the reserved ranges: a list of { base, end }',
  atsr: 'the flags of each ATSR structure',
  rhsa: 'the nodes of units: a list of { base, node }',
  satc: 'the flags of each SATC structure',
  x2apic: 'true where the processor has x2APIC mode',
};

const amd_vi = {
  dev: 'the PCI function that it is; must be there',
  cap: 'the offset of its capability block; must be there',
  efr: 'its extended features; must be there',
  efr2: 'the second word of them',
  counters: 'true where it has performance counters',
  interrupts: 'true where it remaps interrupts',
  ivhd_efr: 'what IVRS says of its extended features, where that differs',
  acpi: 'the ACPI devices that IVRS names: a list of { hid, uid, rdevid }',
};

const viommu = {
  map_unmap: 'false where it does not offer VIRTIO_IOMMU_F_MAP_UNMAP',
  input_bits: 'the bits of an input address; 64 where it does not say',
  page_size_mask: 'the page sizes it maps; from 4 KiB on where it does not say',
  bypass: 'whether what is attached to nothing bypasses, where it offers to say so',
  msi: 'the addresses of interrupts that it lets pass: { base, end }',
};

const ipmmu = {
  main: 'the IPMMU whose contexts it uses; its own where it does not say',
  reserved_context: 'true where the kernel keeps off context 0',
  takes: 'which devices the driver takes on this chip: all, listed, none',
};

const KEYS = {
  scenario,
  kernel,
  machine,
  device,
  driver,
  pci,
  module,
  vtd,
  dmar,
  amd_vi,
  viommu,
  ipmmu,
};

/** The keys that a map of this kind may have. */
export function keysOf(kind: keyof typeof KEYS): readonly string[] {
  return Object.keys(KEYS[kind]);
}

export interface DocumentedKey {
  /** The kind of map that it stands in. */
  readonly of: string;
  readonly key: string;
  /** The words that it may have; none where it takes others, or numbers, lists or a map. */
  readonly values: readonly string[];
  readonly doc: string;
}

/** Every key, the scenario's own first. */
export function documentKeys(): readonly DocumentedKey[] {
  return Object.entries(KEYS).flatMap(([of, keys]) =>
    Object.entries(keys).map(([key, doc]) => ({ of, key, values: wordsOf(of, key), doc })),
  );
}
