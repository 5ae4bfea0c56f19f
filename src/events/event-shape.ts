/** The shapes of events in a trace file. The compiler asks for one that is missing. */
import { dmaOps, dmaResult, domainType, faultReason, streamType } from './dma-shape.ts';
import type { EventMap, EventType, Origin } from './event.ts';
import { linkFlag, linkState, linksStatus } from './link-shape.ts';
import { deviceShape, driverShape } from './machine-shape.ts';
import type { ObjectShape } from './shape.ts';
import {
  count,
  flag,
  integer,
  listOf,
  name,
  object,
  oneOf,
  optional,
  orNull,
  text,
} from './shape.ts';
import { stimulusShape } from './stimulus-shape.ts';
import type { PrintkLevel } from './terms.ts';
import type { TraceSource } from './trace.ts';

const uint = count();
const names = listOf(name);

export const sourceShape = object<TraceSource>({
  ...{ name, format: name },
  doubts: optional(listOf(text)),
});

export const originShape = oneOf<Origin>({ observed: true, implied: true, assumed: true });

const nothing = object<Record<never, never>>({});
const dev = object({ dev: name });
const devDrv = object({ dev: name, drv: name });
const devDrvRet = object({ dev: name, drv: name, ret: integer });
const busDrv = object({ bus: name, drv: name });
const driverId = object({ bus: name, drv: name, id: name });
const ofModule = object({ module: name });
const moduleBy = object({ module: name, by: name });
const link = object({ consumer: name, supplier: name });
const group = object({ group: uint });
const devInGroup = object({ dev: name, group: uint });
const ioRange = { domain: name, start: uint, length: uint };
const vfioGroup = object({ group: name });
const vfioDevice = object({ dev: name, group: name });
const failure = object({ at: name, what: text });
const printkLevel = oneOf<PrintkLevel>({
  emerg: true,
  alert: true,
  crit: true,
  err: true,
  warn: true,
  notice: true,
  info: true,
  debug: true,
});
const domain = orNull(domainType);

const smmuEntry = {
  index: uint,
  id: uint,
  mask: uint,
  does: streamType,
  context: orNull(uint),
  count: uint,
};

export const EVENT_SHAPES: { readonly [T in EventType]: ObjectShape<EventMap[T]> } = {
  'task.started': object({ stimulus: stimulusShape }),
  'task.finished': object({ ret: integer }),
  'task.blocked': object({ on: name }),
  'syscall.returned': object({ call: name, ret: integer, value: name }),

  'device.added': object({ dev: name, spec: deviceShape }),
  'device.ready': dev,
  'device.match_driver': dev,
  'device.async_driver': object({ dev: name, drv: orNull(name) }),
  'pci.sysfs_initialized': nothing,
  'pci.resource_files': object({ dev: name, there: flag }),
  'pci.acs_requested': nothing,
  'pci.bus_added': object({ bus: name, bridge: name, above: orNull(name), end: uint }),
  'pci.bus_range': object({ bus: name, end: uint }),
  'pci.bus_removed': object({ bus: name }),
  'pci.bridge_numbered': object({
    hardware: name,
    primary: uint,
    secondary: uint,
    subordinate: uint,
  }),
  'pci.bridge_impaired': object({
    dev: name,
    how: oneOf<EventMap['pci.bridge_impaired']['how']>({
      'no-bus': true,
      'bus-refused': true,
      'window-shut': true,
      'no-room': true,
    }),
  }),
  'pci.renumbered': object({ dev: name, hardware: name }),
  'pci.plugged': object({ hardware: name }),
  'pci.unplugged': object({ hardware: name }),
  'pci.acs_enabled': dev,
  'x86_unit.written': object({
    iommu: name,
    what: oneOf<EventMap['x86_unit.written']['what']>({
      queue: true,
      interrupts: true,
      translation: true,
    }),
    on: flag,
  }),
  'x86_unit.fault_recorded': object({ iommu: name, next: uint }),
  'viommu.reset': object({ iommu: name, driver_ok: flag }),
  'viommu.endpoint_written': object({
    iommu: name,
    id: uint,
    does: orNull(oneOf<'translate' | 'bypass'>({ translate: true, bypass: true })),
  }),
  'ipmmu.utlb_written': object({ iommu: name, id: uint, context: orNull(uint) }),
  'ipmmu.context_written': object({
    iommu: name,
    context: uint,
    user: orNull(object({ group: uint, domain: domainType })),
  }),
  'iommu.dma_strict': nothing,
  'device.dead': dev,
  'device.bus_removed': dev,
  'device.deleted': dev,
  'devices_kset.moved': object({ devs: names }),
  'probing.blocked': nothing,
  'device.shutdown': dev,
  'driver.shutdown': devDrv,
  'device.driver_override': object({ dev: name, drv: orNull(name) }),
  'bus.drivers_autoprobe': object({ bus: name, on: flag }),

  'driver.registered': object({ bus: name, drv: name, spec: driverShape }),
  'driver.going': busDrv,
  'driver.unregistered': busDrv,
  'driver.id_added': driverId,
  'driver.id_removed': driverId,
  'module.loading': object({ module: name, depends: names }),
  'module.live': ofModule,
  'module.going': ofModule,
  'module.unloaded': ofModule,
  'module.got': moduleBy,
  'module.put': moduleBy,
  'module.param': object({ module: name, param: name, value: name }),

  'device.can_match': dev,
  'probe.matched': devDrv,
  'probe.started': devDrv,
  'dma.configured': object({ dev: name, ret: integer }),
  'dma.cleaned': dev,
  'driver.probed': devDrvRet,
  'driver.removed': devDrv,
  'probe.test_removed': devDrv,
  'driver.not_bound': devDrv,
  'probe.unwound': devDrv,
  'device.unbind_cleanup': dev,
  'driver.bound': devDrv,
  'probe.finished': devDrvRet,
  'driver.unbinding': devDrv,
  'driver.unbound': devDrv,

  'deferred.added': dev,
  'deferred.removed': dev,
  'deferred.reason': object({ dev: name, reason: name }),
  'deferred.triggered': object({ trigger_count: uint }),
  'deferred.retried': dev,
  'deferred.enabled': nothing,
  'initcalls.done': nothing,
  'deferred.timeout_armed': object({ seconds: integer }),
  'deferred.timed_out': nothing,

  'fwnode_link.added': link,
  'fwnode_link.cycle': link,
  'fwnode_link.deleted': link,
  'link.added': object({
    consumer: name,
    supplier: name,
    flags: listOf(linkFlag),
    status: linkState,
  }),
  'link.state': object({ consumer: name, supplier: name, status: linkState }),
  'link.flags': object({ consumer: name, supplier: name, flags: listOf(linkFlag) }),
  'link.deleted': link,
  'links.status': object({ dev: name, status: linksStatus }),
  'links.best_effort': object({ on: flag }),
  'sync_state.paused': nothing,
  'sync_state.resumed': nothing,
  'sync_state.deferred': dev,
  'sync_state.undeferred': dev,
  'sync_state.queued': dev,
  'device.sync_state': dev,
  'supplier.cleaned_up': dev,

  'fwspec.set': object({ dev: name, iommu: name, ids: listOf(uint) }),
  'dev_iommu.allocated': dev,
  'dev_iommu.freed': dev,
  'iommu.registered': object({ iommu: name, ops: name, fwnode: flag, at: orNull(uint) }),
  'iommu.ready': object({ iommu: name }),
  'iommu.unregistered': object({ iommu: name }),
  'iommu.disabled': object({ iommu: name }),
  'iommu.freed': object({ iommu: name }),
  'iommu.sysfs_removed': object({ iommu: name }),
  'bus.iommu_ops': object({ bus: name, ops: orNull(name), at: orNull(uint) }),
  'bus.iommu_notifier': object({ bus: name, refs: uint }),
  'iommu.device_probed': object({ dev: name, iommu: name }),
  'iommu.device_released': dev,
  'group.allocated': group,
  'group.joined': devInGroup,
  'group.left': devInGroup,
  'group.freed': group,
  'group.default_domain': object({ group: uint, domain }),
  'group.attached': object({ group: uint, domain }),

  'group.direct_mapped': devInGroup,

  'dma_ops.set': object({
    dev: name,
    ops: orNull(dmaOps),
  }),
  'dma_ops.set_up': dev,
  'dma_ops.torn_down': dev,
  'mapping.created': object({ mapping: uint, iommu: name, shared: flag }),
  'mapping.attached': object({ dev: name, mapping: uint, context: uint }),
  'mapping.detached': object({ dev: name, mapping: uint }),
  'mapping.put': object({ mapping: uint }),
  'dma.allocated': dev,

  'smmu.features': object({
    iommu: name,
    features: uint,
    streamid_mask: uint,
    groups: uint,
    contexts: uint,
    s2_contexts: uint,
  }),
  'smmu.reset': object({
    iommu: name,
    entries: listOf(object(smmuEntry)),
    unmatched: oneOf<'bypass' | 'fault'>({ bypass: true, fault: true }),
  }),
  'smmu.entry_written': object({ iommu: name, ...smmuEntry }),
  'smmu.entry_freed': object({ iommu: name, index: uint }),
  'smmu.context_bank': object({ iommu: name, context: uint, group: uint, domain: domainType }),
  'smmu.gbpa_written': object({ iommu: name, abort: flag }),
  'smmu.disabled': object({ iommu: name }),
  'dma.faulted': object({ dev: name, iommu: name, id: uint }),
  'dma.handed_over': dev,

  'iommu.mapped': object({ ...ioRange, dev: orNull(name), cache: flag, read: flag, write: flag }),
  'iommu.unmapped': object(ioRange),
  'iommu.map_unseen': object({ ...ioRange, iommu: name }),
  'dma.issued': object({
    ...{ dev: name, iommu: orNull(name), id: orNull(uint), addr: uint, write: flag },
    group: orNull(uint),
    domain: orNull(domainType),
    result: dmaResult,
    why: orNull(faultReason),
    snooped: orNull(flag),
    cache: orNull(flag),
  }),
  'memory.allocated': object({ start: uint, length: uint }),

  'owner.used': object({ dev: name, group: uint, ret: integer }),
  'owner.unused': devInGroup,
  'owner.claimed': object({ group: uint, owner: name, ret: integer }),
  'owner.released': group,
  'owner.device_claimed': object({ dev: name, group: uint, owner: name, ret: integer }),
  'owner.device_released': devInGroup,

  'vfio.group_created': object({ group: name, iommu_group: orNull(uint) }),
  'vfio.group_removed': vfioGroup,
  'vfio.device_registered': vfioDevice,
  'vfio.device_unregistered': vfioDevice,
  'vfio.incoherent': dev,
  'vfio.unbound_added': vfioDevice,
  'vfio.unbound_removed': vfioDevice,
  'vfio.group_opened': object({ group: name, user: name }),
  'vfio.group_closed': vfioGroup,
  'vfio.container_set': object({ group: name, container: name }),
  'vfio.container_unset': vfioGroup,
  'vfio.iommu_set': object({ container: name }),
  'vfio.dma_mapped': object({ container: name }),
  'vfio.iommufd_bound': object({ dev: name, iommufd: name }),
  'vfio.iommufd_unbound': dev,
  'vfio.device_opened': object({ dev: name, user: name }),
  'vfio.request_armed': dev,
  'vfio.device_closed': dev,
  'vfio.user_released': object({ hold: name }),

  printk: object({ level: printkLevel, text, dev: orNull(name) }),
  'kernel.warned': failure,
  'kernel.oopsed': failure,

  'log.diverged': object({ expected: text, observed: text }),
};
