/** What the state looks like. The compiler asks for a field that is missing here. */
import { dmaOps, dmaResult, domainType, faultReason, streamType } from '../../events/dma-shape.ts';
import { linkFlag, linkState, linksStatus } from '../../events/link-shape.ts';
import { deviceShape, driverShape } from '../../events/machine-shape.ts';
import {
  count,
  flag,
  integer,
  listOf,
  name,
  object,
  oneOf,
  orNull,
  tableWith,
  text,
} from '../../events/shape.ts';
import type { Bus, Device, Driver, Module } from './driver-core-types.ts';
import type { IoMapping, IommuInstance, Smmu } from './iommu-types.ts';
import type { BridgeTrouble, PciBus } from './pci-types.ts';
import type { DeepReadonly, ReadState, State } from './state.ts';
import type { VfioGroup } from './vfio-types.ts';

const uint = count();
const names = listOf(name);
const nameOrNull = orNull(name);
const uintOrNull = orNull(uint);

const device = object<DeepReadonly<Device>>({
  name,
  bus: name,
  parent: nameOrNull,
  spec: deviceShape,
  driver: nameOrNull,
  bound: flag,
  unbinding: flag,
  can_match: flag,
  dead: flag,
  ready_to_probe: flag,
  match_driver: flag,
  async_driver: nameOrNull,
  driver_override: nameOrNull,
  deferred: oneOf<Device['deferred']>({ none: true, pending: true, active: true }),
  deferred_reason: orNull(text),
  links_status: linksStatus,
  state_synced: flag,
  dma_configured: integer,
  owner_uses: integer,
  dev_iommu: flag,
  fwspec: orNull(object({ iommu: name, ids: listOf(uint) })),
  iommu: nameOrNull,
  iommu_ops: nameOrNull,
  iommu_ops_at: uintOrNull,
  iommu_freed: flag,
  iommu_group: uintOrNull,
  shut_down: nameOrNull,
  orphaned: flag,
  resource_files: flag,
  acs_enabled: flag,
  dma_ops: orNull(dmaOps),
  archdata: object({ dma_ops_setup: flag, mapping: uintOrNull }),
  dma_buffer: orNull(object({ ops: orNull(dmaOps) })),
  live_dma: flag,
});

const driver = object<DeepReadonly<Driver>>({
  name,
  bus: name,
  spec: driverShape,
  dynamic_ids: names,
  probing: uint,
  going: flag,
  devices: names,
});

const bus = object<DeepReadonly<Bus>>({
  devices: names,
  drivers: tableWith(driver),
  drivers_autoprobe: flag,
  iommu_ops: nameOrNull,
  iommu_ops_at: uintOrNull,
  iommu_notifier: uint,
});

const module = object<DeepReadonly<Module>>({
  name,
  place: uint,
  depends: names,
  state: oneOf<Module['state']>({ coming: true, live: true, going: true }),
  holders: names,
  params: tableWith(text),
});

const iommu = object<DeepReadonly<IommuInstance>>({
  name,
  ops: name,
  at: uintOrNull,
  freed: flag,
  fwnode: flag,
  in_sysfs: flag,
  disabled: flag,
  ready: flag,
});

const context = object({ group: uint, domain: domainType });

const smmu = object<DeepReadonly<Smmu>>({
  features: orNull(
    object({
      features: uint,
      streamid_mask: uint,
      groups: uint,
      contexts: uint,
      s2_contexts: uint,
    }),
  ),
  enabled: flag,
  gbpa_abort: flag,
  entries: tableWith(
    object({ id: uint, mask: uint, does: streamType, context: uintOrNull, count: uint }),
  ),
  unmatched: oneOf<Smmu['unmatched']>({ bypass: true, fault: true }),
  context_banks: tableWith(context),
});

const ioMapping = object<DeepReadonly<IoMapping>>({
  domain: name,
  start: uint,
  length: uint,
  dev: nameOrNull,
  cache: flag,
  read: flag,
  write: flag,
  unseen_by: nameOrNull,
});

const pciBus = object<DeepReadonly<PciBus>>({
  name,
  bridge: name,
  bridge_gone: flag,
  above: nameOrNull,
  end: uint,
  lost: flag,
});

const pci = object<DeepReadonly<State['pci']>>({
  buses: tableWith(pciBus),
  subordinate: tableWith(name),
  impaired: tableWith(
    oneOf<BridgeTrouble>({
      'no-bus': true,
      'bus-refused': true,
      'window-shut': true,
      'no-room': true,
    }),
  ),
  scanned: names,
  numbers: tableWith(object({ primary: uint, secondary: uint, subordinate: uint })),
  renumbered: tableWith(name),
  plugged: tableWith(flag),
});

const vfioGroup = object<DeepReadonly<VfioGroup>>({
  name,
  iommu_group: uintOrNull,
  devices: names,
  opened_by: nameOrNull,
  container: nameOrNull,
  unbound_list: names,
});

export const stateShape = object<ReadState>({
  buses: tableWith(bus),
  devices: tableWith(device),
  devices_kset: names,
  modules: tableWith(module),
  builtin_params: tableWith(tableWith(text)),
  deferred: object({
    pending: names,
    active: names,
    trigger_count: uint,
    probe_count: uint,
    enable: flag,
    defer_all_probes: flag,
    initcalls_done: flag,
    timed_out: flag,
    timeout_armed: flag,
  }),
  links: listOf(
    object({ consumer: name, supplier: name, status: linkState, flags: listOf(linkFlag) }),
  ),
  fwnode_links: listOf(object({ consumer: name, supplier: name, cycle: flag })),
  fwnodes_linked: names,
  fw_devlink_best_effort: flag,
  defer_sync_state_count: integer,
  deferred_sync: names,
  iommus: listOf(iommu),
  groups: tableWith(
    object({
      id: uint,
      devices: names,
      default_domain: orNull(domainType),
      domain: orNull(domainType),
      owner: nameOrNull,
      owner_cnt: integer,
      direct_mapped: names,
    }),
  ),
  mappings: tableWith(
    object({ id: uint, iommu: name, shared: flag, kref: integer, context: uintOrNull }),
  ),
  smmus: tableWith(smmu),
  io_mappings: listOf(ioMapping),
  last_dma: tableWith(
    object({
      addr: uint,
      write: flag,
      result: dmaResult,
      why: orNull(faultReason),
      snooped: orNull(flag),
      cache: orNull(flag),
    }),
  ),
  allocated: listOf(object({ start: uint, length: uint })),
  x86_units: tableWith(object({ queue: flag, translation: flag, fault_index: uint })),
  viommus: tableWith(
    object({
      endpoints: tableWith(
        orNull(oneOf<'translate' | 'bypass'>({ translate: true, bypass: true })),
      ),
    }),
  ),
  ipmmus: tableWith(object({ contexts: tableWith(context), utlbs: tableWith(uint) })),
  acs_requested: flag,
  pci,
  pci_sysfs_initialized: flag,
  dma_strict: flag,
  vfio: object({
    groups: tableWith(vfioGroup),
    containers: tableWith(object({ iommu: flag })),
    iommufds: tableWith(name),
    incoherent: names,
    open: tableWith(name),
    requests: names,
    released: names,
  }),
  oops: nameOrNull,
});
