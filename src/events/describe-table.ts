/** What each event means, and the line that tells of one. */
import { disagreement } from './disagreement.ts';
import type { FaultReason } from './dma-events.ts';
import { errnoName } from './errno.ts';
import type { EventOf, EventType } from './event.ts';
import type { SmmuEntry } from './iommu-events.ts';
import { describeStimulus } from './stimulus.ts';

/** Every event type; the compiler asks for one that is missing. */
export const LINES: {
  readonly [T in EventType]: {
    /** One sentence on what the event means. */
    readonly doc: string;
    readonly line: (event: EventOf<T>) => string;
  };
} = {
  'task.started': {
    doc: 'A task began to act on a stimulus from outside.',
    line: (e) => `task starts: ${describeStimulus(e.stimulus)}`,
  },
  'task.finished': {
    doc: 'A task ended with a return code.',
    line: (e) => `task ends${ended(e.ret)}`,
  },
  'task.blocked': {
    doc: 'A task waits for a lock or a completion that another task holds.',
    line: (e) => `task waits for ${e.on}`,
  },
  'syscall.returned': {
    doc: 'A system call or sysfs write of a user gave its result.',
    line: (e) => `${e.call} = ${result(e.ret)}${e.value === '' ? '' : ` (${e.value})`}`,
  },

  'device.added': {
    doc: 'device_add put a device on its bus.',
    line: (e) => `${e.dev}: device added on bus ${e.spec.bus}`,
  },
  'device.ready': {
    doc: 'The bus scan finished with the device, which drivers may now match.',
    line: (e) => `${e.dev}: device ready to match drivers`,
  },
  'device.match_driver': {
    doc: 'A PCI device was released to driver matching (pci_bus_add_device).',
    line: (e) => `${e.dev}: driver matching allowed`,
  },
  'device.async_driver': {
    doc: 'A driver was noted for an asynchronous probe of the device, or the probe took the note.',
    line: (e) =>
      `${e.dev}: ${e.drv === null ? 'asynchronous probe begins' : `asynchronous probe by ${e.drv} queued`}`,
  },
  'pci.sysfs_initialized': {
    doc: 'From here on a PCI function gets its resource files when it is added (pci_sysfs_init).',
    line: () => 'sysfs files of PCI functions are made from here on',
  },
  'pci.resource_files': {
    doc: 'The resource files of a PCI function were made, or taken away.',
    line: (e) => `${e.dev}: resource files ${e.there ? 'made' : 'taken away'}`,
  },
  'pci.acs_requested': {
    doc: 'The kernel decided to switch ACS on while it scans PCI (pci_request_acs).',
    line: () => 'ACS requested for all PCI devices',
  },
  'pci.bus_added': {
    doc: 'A PCI bus came into being behind a bridge or host bridge.',
    line: (e) => `${e.bridge}: leads to PCI bus ${e.bus}`,
  },
  'pci.bus_range': {
    doc: 'The last bus number behind a PCI bus was set.',
    line: (e) => `PCI bus ${e.bus}: numbers up to ${e.end.toString(16).padStart(2, '0')}`,
  },
  'pci.bus_removed': {
    doc: 'A PCI bus is gone; what hung on it only by its number stays behind.',
    line: (e) => `PCI bus ${e.bus}: removed`,
  },
  'pci.bridge_numbered': {
    doc: 'A bridge was given other bus numbers: what is behind it answers under other addresses.',
    line: (e) => {
      const [from, to] = [e.secondary, e.subordinate].map((n) => n.toString(16).padStart(2, '0'));
      return `the bridge that was ${e.hardware} at boot: leads to bus ${from}-${to}`;
    },
  },
  'pci.bridge_impaired': {
    doc: 'A bridge has no bus behind it, or lets no accesses to memory through.',
    line: (e) => `${e.dev}: bridge impaired, ${e.how}`,
  },
  'pci.renumbered': {
    doc: 'A function was found under another address than at boot.',
    line: (e) => `${e.dev}: is the function that was ${e.hardware} at boot`,
  },
  'pci.plugged': {
    doc: 'A card was put into a slot.',
    line: (e) => `${e.hardware}: plugged in`,
  },
  'pci.unplugged': {
    doc: 'A card was taken out of its slot.',
    line: (e) => `${e.hardware}: unplugged`,
  },
  'pci.acs_enabled': {
    doc: 'ACS was switched on at a function that had been found before it was requested.',
    line: (e) => `${e.dev}: ACS switched on`,
  },
  'x86_unit.written': {
    doc: 'A function of a VT-d or AMD-Vi unit was switched on or off.',
    line: (e) => `${e.iommu}: ${e.what} ${e.on ? 'on' : 'off'}`,
  },
  'x86_unit.fault_recorded': {
    doc: 'A VT-d unit wrote down a fault in one of its records.',
    line: (e) => `${e.iommu}: fault recorded, the next goes to record ${e.next}`,
  },
  'viommu.reset': {
    doc: 'A virtio-iommu was reset, or its driver became ready: nothing is attached.',
    line: (e) => `${e.iommu}: ${e.driver_ok ? 'driver ready' : 'reset'}, nothing is attached`,
  },
  'viommu.endpoint_written': {
    doc: 'An endpoint of a virtio-iommu was attached to a domain, or detached.',
    line: (e) => `${e.iommu}: endpoint ${e.id} ${e.does ?? 'detached'}`,
  },
  'ipmmu.utlb_written': {
    doc: 'A micro-TLB of an IPMMU was put on a context, or switched off.',
    line: (e) =>
      `${e.iommu}: micro-TLB ${e.id} ${e.context === null ? 'off' : `on context ${e.context}`}`,
  },
  'ipmmu.context_written': {
    doc: 'A translation context of an IPMMU was given to the domain of a group, or freed.',
    line: (e) =>
      `${e.iommu}: context ${e.context} ${e.user === null ? 'free' : `is for domain ${e.user.domain} of group ${e.user.group}`}`,
  },
  'iommu.dma_strict': {
    doc: 'DMA domains were made strict at run time (iommu_set_dma_strict).',
    line: () => 'DMA domains are strict from here on',
  },
  'device.dead': {
    doc: 'The device was marked dead: no driver may bind to it any more.',
    line: (e) => `${e.dev}: device marked dead`,
  },
  'device.bus_removed': {
    doc: 'The bus took the device off its list and unbound its driver (bus_remove_device).',
    line: (e) => `${e.dev}: device removed from its bus`,
  },
  'device.deleted': {
    doc: 'device_del finished: the device is gone.',
    line: (e) => `${e.dev}: device deleted`,
  },
  'devices_kset.moved': {
    doc: 'Devices were moved to the end of the list of all devices: at a shutdown they go first.',
    line: (e) => `${e.devs.join(', ')}: last in the list of all devices`,
  },
  'probing.blocked': {
    doc: 'The system goes down: every probe is deferred from here on (device_block_probing).',
    line: () => 'all probes are deferred from here on',
  },
  'device.shutdown': {
    doc: 'device_shutdown took up a device.',
    line: (e) => `${e.dev}: to be shut down`,
  },
  'driver.shutdown': {
    doc: 'The shutdown function of the driver takes the device down.',
    line: (e) => `${e.dev}: shutdown of ${e.drv}`,
  },
  'device.driver_override': {
    doc: 'driver_override was written: only the driver of that name may match.',
    line: (e) => `${e.dev}: driver_override ${e.drv === null ? 'cleared' : `set to ${e.drv}`}`,
  },
  'bus.drivers_autoprobe': {
    doc: 'Automatic probing on a bus was switched on or off.',
    line: (e) => `bus ${e.bus}: drivers_autoprobe ${e.on ? 'on' : 'off'}`,
  },

  'driver.registered': {
    doc: 'A driver was added to its bus.',
    line: (e) => `${e.drv}: driver registered on bus ${e.bus}`,
  },
  'driver.going': {
    doc: 'A driver is off the list of its bus, and nobody can bind a device to it any more.',
    line: (e) => `${e.drv}: driver going from bus ${e.bus}`,
  },
  'driver.unregistered': {
    doc: 'A driver was removed from its bus.',
    line: (e) => `${e.drv}: driver unregistered from bus ${e.bus}`,
  },
  'driver.id_added': {
    doc: 'A dynamic id was added to a driver (new_id, or a module parameter).',
    line: (e) => `${e.drv}: dynamic id ${e.id} added`,
  },
  'driver.id_removed': {
    doc: 'A dynamic id was taken from a driver (remove_id).',
    line: (e) => `${e.drv}: dynamic id ${e.id} removed`,
  },
  'module.loading': {
    doc: 'A module began to load.',
    line: (e) =>
      `module ${e.module}: loading${e.depends.length === 0 ? '' : `, needs ${e.depends.join(', ')}`}`,
  },
  'module.live': {
    doc: 'The init function of a module returned and the module is live.',
    line: (e) => `module ${e.module}: live`,
  },
  'module.going': {
    doc: 'A module began to unload.',
    line: (e) => `module ${e.module}: going`,
  },
  'module.unloaded': {
    doc: 'A module is gone.',
    line: (e) => `module ${e.module}: unloaded`,
  },
  'module.got': {
    doc: 'A reference to a module was taken, so that it cannot be unloaded.',
    line: (e) => `module ${e.module}: reference taken by ${e.by}`,
  },
  'module.put': {
    doc: 'A reference to a module was dropped.',
    line: (e) => `module ${e.module}: reference dropped by ${e.by}`,
  },
  'module.param': {
    doc: 'A module parameter was set.',
    line: (e) => `module ${e.module}: parameter ${e.param}=${e.value}`,
  },

  'device.can_match': {
    doc: 'The bus could not say yet whether a driver fits: the device is worth a retry (can_match).',
    line: (e) => `${e.dev}: match put off`,
  },
  'probe.matched': {
    doc: 'A driver matched a device and will be tried.',
    line: (e) => `${e.dev}: matches driver ${e.drv}`,
  },
  'probe.started': {
    doc: 'really_probe set the driver of the device and began to bind.',
    line: (e) => `${e.dev}: probe with driver ${e.drv} starts`,
  },
  'dma.configured': {
    doc: 'The dma_configure of the bus returned; success takes a use of DMA ownership.',
    line: (e) => `${e.dev}: dma_configure returned ${result(e.ret)}`,
  },
  'dma.cleaned': {
    doc: 'The dma_cleanup of the bus ran and gave the use of DMA ownership back.',
    line: (e) => `${e.dev}: dma_cleanup`,
  },
  'driver.probed': {
    doc: 'The probe function of the driver returned.',
    line: (e) => `${e.dev}: probe of ${e.drv} returned ${result(e.ret)}`,
  },
  'driver.removed': {
    doc: 'The remove function of the driver ran.',
    line: (e) => `${e.dev}: remove of ${e.drv}`,
  },
  'probe.test_removed': {
    doc: 'DEBUG_TEST_DRIVER_REMOVE began to remove the driver after its first probe, to probe again.',
    line: (e) => `${e.dev}: test removal of ${e.drv} starts`,
  },
  'driver.not_bound': {
    doc: 'Listeners on the bus heard that a probe failed (BUS_NOTIFY_DRIVER_NOT_BOUND).',
    line: (e) => `${e.dev}: bus told that ${e.drv} is not bound`,
  },
  'probe.unwound': {
    doc: 'really_probe undid its steps after a failure.',
    line: (e) => `${e.dev}: probe with driver ${e.drv} unwound`,
  },
  'device.unbind_cleanup': {
    doc: 'What a driver left on the device was cleared (device_unbind_cleanup).',
    line: (e) => `${e.dev}: device_unbind_cleanup`,
  },
  'driver.bound': {
    doc: 'The device is bound to the driver (driver_bound).',
    line: (e) => `${e.dev}: bound to driver ${e.drv}`,
  },
  'probe.finished': {
    doc: 'really_probe returned.',
    line: (e) => `${e.dev}: really_probe with driver ${e.drv} returned ${result(e.ret)}`,
  },
  'driver.unbinding': {
    doc: 'The driver core began to unbind a device.',
    line: (e) => `${e.dev}: unbinding from driver ${e.drv}`,
  },
  'driver.unbound': {
    doc: 'The device has no driver any more.',
    line: (e) => `${e.dev}: unbound from driver ${e.drv}`,
  },

  'deferred.added': {
    doc: 'The device was put on the list of deferred probes.',
    line: (e) => `${e.dev}: added to deferred list`,
  },
  'deferred.removed': {
    doc: 'The device was taken off the list of deferred probes.',
    line: (e) => `${e.dev}: removed from deferred list`,
  },
  'deferred.reason': {
    doc: 'The reason why the probe of the device was deferred was noted.',
    line: (e) => `${e.dev}: deferred because: ${e.reason}`,
  },
  'deferred.triggered': {
    doc: 'All deferred probes were moved to the active list, to be tried again.',
    line: (e) => `deferred probes triggered, trigger_count ${e.trigger_count}`,
  },
  'deferred.retried': {
    doc: 'The deferred-probe worker took up a device.',
    line: (e) => `${e.dev}: deferred probe tried again`,
  },
  'deferred.enabled': {
    doc: 'Deferred probing was switched on (deferred_probe_initcall).',
    line: () => 'deferred probing enabled',
  },
  'initcalls.done': {
    doc: 'All built-in drivers have been registered (initcalls_done).',
    line: () => 'initcalls done',
  },
  'deferred.timeout_armed': {
    doc: 'The timer of deferred_probe_timeout was started.',
    line: (e) => `deferred_probe_timeout armed for ${e.seconds} s`,
  },
  'deferred.timed_out': {
    doc: 'deferred_probe_timeout expired: missing optional suppliers are given up.',
    line: () => 'deferred_probe_timeout expired',
  },

  'fwnode_link.added': {
    doc: 'Firmware names a supplier of a node.',
    line: (e) => `${e.consumer}: firmware names supplier ${e.supplier}`,
  },
  'fwnode_link.cycle': {
    doc: 'What firmware says of a supplier was found to be part of a cycle: nobody waits for it.',
    line: (e) => `${e.consumer}: dependency on ${e.supplier} is part of a cycle`,
  },
  'fwnode_link.deleted': {
    doc: 'What firmware says of a supplier was dealt with: by a device link, or not at all.',
    line: (e) => `${e.consumer}: dropped firmware's link to ${e.supplier}`,
  },
  'link.added': {
    doc: 'A device link between consumer and supplier was made.',
    line: (e) =>
      `${e.consumer}: linked as a consumer to ${e.supplier}: ${e.flags.join(' ')}, ${e.status}`,
  },
  'link.state': {
    doc: 'A managed device link changed its state.',
    line: (e) => `${e.consumer}: link to supplier ${e.supplier} is ${e.status}`,
  },
  'link.flags': {
    doc: 'A device link got other flags; with SYNC_STATE_ONLY it holds its consumer back no longer.',
    line: (e) => `${e.consumer}: link to supplier ${e.supplier} has flags ${e.flags.join(' ')}`,
  },
  'link.deleted': {
    doc: 'A device link was dropped.',
    line: (e) => `${e.consumer}: dropped the link to ${e.supplier}`,
  },
  'links.status': {
    doc: 'The driver status that device links keep of a device changed.',
    line: (e) => `${e.dev}: links.status ${e.status}`,
  },
  'links.best_effort': {
    doc: 'Probes began, or ceased, to ignore suppliers that no driver matched (fw_devlink_best_effort).',
    line: (e) => `best effort probing ${e.on ? 'on' : 'off'}`,
  },
  'sync_state.paused': {
    doc: 'sync_state callbacks have to wait (device_links_supplier_sync_state_pause).',
    line: () => 'sync_state paused',
  },
  'sync_state.resumed': {
    doc: 'One reason for sync_state callbacks to wait is gone.',
    line: () => 'sync_state resumed',
  },
  'sync_state.deferred': {
    doc: 'The supplier is looked at again once sync_state is not paused any more.',
    line: (e) => `${e.dev}: sync_state deferred`,
  },
  'sync_state.undeferred': {
    doc: 'The supplier lost its driver while it waited for its sync_state callback.',
    line: (e) => `${e.dev}: sync_state not deferred any more`,
  },
  'sync_state.queued': {
    doc: 'All managed consumers of the supplier are bound, or are waited for no longer (state_synced).',
    line: (e) => `${e.dev}: state_synced`,
  },
  'device.sync_state': {
    doc: "The supplier's driver was told to take the state of its consumers over from the boot loader.",
    line: (e) => `${e.dev}: sync_state()`,
  },
  'supplier.cleaned_up': {
    doc: 'The supplier switched off what no consumer had asked for when the boot ended.',
    line: (e) => `${e.dev}: switched off what is unused`,
  },

  'fwspec.set': {
    doc: 'Firmware tables gave the device its IOMMU and stream ids.',
    line: (e) =>
      `${e.dev}: fwspec set: IOMMU ${e.iommu}, ids ${e.ids.map(hex).join(' ') || 'none'}`,
  },
  'dev_iommu.allocated': {
    doc: 'The per-device IOMMU data was allocated.',
    line: (e) => `${e.dev}: dev_iommu allocated`,
  },
  'dev_iommu.freed': {
    doc: 'The per-device IOMMU data was freed, and the fwspec with it.',
    line: (e) => `${e.dev}: dev_iommu freed`,
  },
  'iommu.registered': {
    doc: 'An IOMMU instance was registered with the IOMMU core.',
    line: (e) =>
      `${e.iommu}: IOMMU registered, ops ${e.ops}, ${e.fwnode ? 'with' : 'without'} a fwnode`,
  },
  'iommu.ready': {
    doc: 'The registration of an IOMMU has searched all buses.',
    line: (e) => `${e.iommu}: IOMMU ready for devices that bind`,
  },
  'iommu.unregistered': {
    doc: 'An IOMMU instance was unregistered.',
    line: (e) => `${e.iommu}: IOMMU unregistered`,
  },
  'iommu.disabled': {
    doc: 'The hardware of an IOMMU was switched off; devices stay in their groups.',
    line: (e) => `${e.iommu}: IOMMU switched off`,
  },
  'iommu.freed': {
    doc: 'The driver of an IOMMU freed what stands for the instance.',
    line: (e) => `${e.iommu}: IOMMU freed by its driver`,
  },
  'iommu.sysfs_removed': {
    doc: 'The device of the class iommu that stands for the IOMMU was removed.',
    line: (e) => `iommu ${e.iommu}: removed from sysfs`,
  },
  'bus.iommu_ops': {
    doc: 'The IOMMU ops of a whole bus were set or cleared (bus_set_iommu).',
    line: (e) => `bus ${e.bus}: iommu_ops ${e.ops ?? 'cleared'}`,
  },
  'bus.iommu_notifier': {
    doc: 'The IOMMU core began or ceased to hear of the devices of a bus (iommu_bus_notifier).',
    line: (e) => `bus ${e.bus}: iommu_bus_notifier has ${e.refs} user${e.refs === 1 ? '' : 's'}`,
  },
  'iommu.device_probed': {
    doc: 'The probe_device of the IOMMU driver took the device.',
    line: (e) => `${e.dev}: IOMMU ${e.iommu} probed the device`,
  },
  'iommu.device_released': {
    doc: 'The IOMMU driver let the device go (release_device).',
    line: (e) => `${e.dev}: released by its IOMMU`,
  },
  'group.allocated': {
    doc: 'An IOMMU group was made.',
    line: (e) => `group ${e.group}: allocated`,
  },
  'group.joined': {
    doc: 'A device was added to an IOMMU group.',
    line: (e) => `${e.dev}: joined group ${e.group}`,
  },
  'group.left': {
    doc: 'A device was removed from its IOMMU group.',
    line: (e) => `${e.dev}: left group ${e.group}`,
  },
  'group.freed': {
    doc: 'The last reference to an IOMMU group was dropped.',
    line: (e) => `group ${e.group}: freed`,
  },
  'group.default_domain': {
    doc: 'The default domain of a group was set or dropped.',
    line: (e) => `group ${e.group}: default domain ${e.domain ?? 'dropped'}`,
  },
  'group.attached': {
    doc: 'All devices of a group were attached to a domain, or to none.',
    line: (e) =>
      `group ${e.group}: ${e.domain === null ? 'detached from all domains' : `attached to ${e.domain} domain`}`,
  },

  'group.direct_mapped': {
    doc: 'The default domain of a group was given 1:1 mappings of the regions reserved for a device.',
    line: (e) => `group ${e.group}: reserved regions of ${e.dev} mapped 1:1`,
  },

  'dma_ops.set': {
    doc: 'The DMA operations of a device were set or cleared (set_dma_ops, 32-bit Arm).',
    line: (e) => `${e.dev}: dma_ops ${e.ops ?? 'cleared'}`,
  },
  'dma_ops.set_up': {
    doc: 'arch_setup_dma_ops set the DMA operations of a device, and will tear them down.',
    line: (e) => `${e.dev}: dma_ops set up by the architecture`,
  },
  'dma_ops.torn_down': {
    doc: 'arch_teardown_dma_ops is through with a device.',
    line: (e) => `${e.dev}: dma_ops torn down by the architecture`,
  },
  'mapping.created': {
    doc: 'An address space for DMA was made (arm_iommu_create_mapping), with one reference.',
    line: (e) =>
      `mapping ${e.mapping}: created for ${e.shared ? 'all devices' : 'a device'} behind ${e.iommu}`,
  },
  'mapping.attached': {
    doc: 'A device was attached to a mapping, which holds a reference.',
    line: (e) => `${e.dev}: attached to mapping ${e.mapping}, context ${e.context}`,
  },
  'mapping.detached': {
    doc: 'A device was detached from its mapping, and the reference dropped.',
    line: (e) => `${e.dev}: detached from mapping ${e.mapping}`,
  },
  'mapping.put': {
    doc: 'A reference to a mapping was dropped (arm_iommu_release_mapping).',
    line: (e) => `mapping ${e.mapping}: reference dropped`,
  },
  'dma.allocated': {
    doc: 'A driver allocated a DMA buffer that is freed with its other managed resources.',
    line: (e) => `${e.dev}: managed DMA buffer allocated`,
  },

  'smmu.features': {
    doc: "An SMMU's driver read its id registers.",
    line: (e) => `${e.iommu}: SMMU features ${hex(e.features)}`,
  },
  'smmu.reset': {
    doc: 'An SMMU was reset: of what firmware had set up, only the entries named here stay.',
    line: (e) =>
      `${e.iommu}: SMMU reset, streams ${e.entries.map(smmuEntry).join(' ') || 'forgotten'}, others ${e.unmatched}`,
  },
  'smmu.entry_written': {
    doc: 'A stream mapping entry, or an entry of the stream table, was written.',
    line: (e) => `${e.iommu}: entry ${e.index} written, stream ${smmuEntry(e)}`,
  },
  'smmu.entry_freed': {
    doc: 'A stream mapping entry was made invalid.',
    line: (e) => `${e.iommu}: entry ${e.index} made invalid`,
  },
  'smmu.context_bank': {
    doc: 'A domain got a context bank of an SMMU.',
    line: (e) => `${e.iommu}: context bank ${e.context} for group ${e.group}, ${e.domain}`,
  },
  'smmu.gbpa_written': {
    doc: 'An SMMU v3 was told what becomes of all streams while it is off.',
    line: (e) => `${e.iommu}: GBPA written, streams ${e.abort ? 'abort' : 'pass'} while it is off`,
  },
  'smmu.disabled': {
    doc: 'An SMMU was switched off: it looks at no stream any more.',
    line: (e) => `${e.iommu}: SMMU disabled`,
  },
  'dma.faulted': {
    doc: 'DMA that ran was cut off: since before the kernel started, or past an SMMU that came late.',
    line: (e) => `${e.dev}: running DMA of stream ${hex(e.id)} faults at ${e.iommu}`,
  },
  'dma.handed_over': {
    doc: 'The driver of a device stopped the DMA that firmware had left running.',
    line: (e) => `${e.dev}: the driver took over what firmware left running`,
  },

  'iommu.mapped': {
    doc: 'A domain was made to map a range of addresses (iommu_map).',
    line: (e) =>
      `${e.domain}: ${span(e)} mapped ${access(e)}${e.cache ? ', IOMMU_CACHE' : ''}${e.dev === null ? '' : `, for ${e.dev}`}`,
  },
  'iommu.unmapped': {
    doc: 'A domain was made to map a range no longer (iommu_unmap).',
    line: (e) => `${e.domain}: ${span(e)} unmapped`,
  },
  'iommu.map_unseen': {
    doc: 'A new page table entry stays in the caches of the CPU, unseen by the table walks.',
    line: (e) => `${e.domain}: ${span(e)} is not seen by the table walks of ${e.iommu}`,
  },
  'dma.issued': {
    doc: 'A device read or wrote memory: what the hardware made of it.',
    line: (e) =>
      `${e.dev}: ${e.write ? 'writes to' : 'reads'} ${hex(e.addr)}, ${outcome(e)}${through(e)}${snooping(e.snooped)}`,
  },
  'memory.allocated': {
    doc: 'The kernel took memory for itself.',
    line: (e) => `memory ${span(e)} allocated`,
  },

  'owner.used': {
    doc: 'A driver asked for kernel DMA through the default domain (iommu_device_use_default_domain).',
    line: (e) => `group ${e.group}: iommu_device_use_default_domain(${e.dev}) = ${result(e.ret)}`,
  },
  'owner.unused': {
    doc: 'A driver gave its use of the default domain back (iommu_device_unuse_default_domain).',
    line: (e) => `group ${e.group}: iommu_device_unuse_default_domain(${e.dev})`,
  },
  'owner.claimed': {
    doc: 'A user-space owner asked for all DMA of a group (iommu_group_claim_dma_owner).',
    line: (e) => `group ${e.group}: iommu_group_claim_dma_owner(${e.owner}) = ${result(e.ret)}`,
  },
  'owner.released': {
    doc: 'The DMA ownership of a group was released (iommu_group_release_dma_owner).',
    line: (e) => `group ${e.group}: DMA ownership released`,
  },
  'owner.device_claimed': {
    doc: 'A user-space owner asked for the DMA of one device (iommu_device_claim_dma_owner).',
    line: (e) =>
      `group ${e.group}: iommu_device_claim_dma_owner(${e.dev}, ${e.owner}) = ${result(e.ret)}`,
  },
  'owner.device_released': {
    doc: 'The DMA ownership of one device was released (iommu_device_release_dma_owner).',
    line: (e) => `group ${e.group}: iommu_device_release_dma_owner(${e.dev})`,
  },

  'vfio.group_created': {
    doc: 'VFIO made its group for an IOMMU group, or one without an IOMMU.',
    line: (e) =>
      `VFIO group ${e.group}: created${e.iommu_group === null ? ' without an IOMMU group' : ` for group ${e.iommu_group}`}`,
  },
  'vfio.group_removed': {
    doc: 'VFIO dropped its group.',
    line: (e) => `VFIO group ${e.group}: removed`,
  },
  'vfio.device_registered': {
    doc: 'A VFIO driver registered its device.',
    line: (e) => `${e.dev}: registered with VFIO group ${e.group}`,
  },
  'vfio.device_unregistered': {
    doc: 'A VFIO driver unregistered its device.',
    line: (e) => `${e.dev}: unregistered from VFIO group ${e.group}`,
  },
  'vfio.incoherent': {
    doc: 'VFIO refuses a device because the IOMMU does not vouch for coherent DMA.',
    line: (e) => `${e.dev}: refused by VFIO, the IOMMU says that its DMA is not coherent`,
  },
  'vfio.unbound_added': {
    doc: 'VFIO excuses a device that it gives back, until its driver is gone.',
    line: (e) => `${e.dev}: on the unbound_list of VFIO group ${e.group}`,
  },
  'vfio.unbound_removed': {
    doc: 'The driver of a device that VFIO gave back is gone.',
    line: (e) => `${e.dev}: off the unbound_list of VFIO group ${e.group}`,
  },
  'vfio.group_opened': {
    doc: 'A user opened /dev/vfio/GROUP.',
    line: (e) => `VFIO group ${e.group}: opened by ${e.user}`,
  },
  'vfio.group_closed': {
    doc: 'A user closed /dev/vfio/GROUP.',
    line: (e) => `VFIO group ${e.group}: closed`,
  },
  'vfio.container_set': {
    doc: 'A VFIO group was put into a container.',
    line: (e) => `VFIO group ${e.group}: put into ${container(e.container)}`,
  },
  'vfio.container_unset': {
    doc: 'A VFIO group was taken out of its container.',
    line: (e) => `VFIO group ${e.group}: taken out of its container`,
  },
  'vfio.iommu_set': {
    doc: 'A container was given its IOMMU backend.',
    line: (e) => `VFIO ${container(e.container)}: IOMMU backend set`,
  },
  'vfio.dma_mapped': {
    doc: 'A user mapped its memory for DMA by the devices of a container.',
    line: (e) => `VFIO ${container(e.container)}: memory mapped for DMA`,
  },
  'vfio.iommufd_bound': {
    doc: "A VFIO device's own file was bound to an iommufd.",
    line: (e) => `${e.dev}: bound to iommufd ${e.iommufd}`,
  },
  'vfio.iommufd_unbound': {
    doc: 'A VFIO device left its iommufd.',
    line: (e) => `${e.dev}: left its iommufd`,
  },
  'vfio.device_opened': {
    doc: 'A user took the file descriptor of a VFIO device.',
    line: (e) => `${e.dev}: VFIO device opened by ${e.user}`,
  },
  'vfio.request_armed': {
    doc: 'A user asked to be told when its device is to go.',
    line: (e) => `${e.dev}: its VFIO user wants to be told when it is to go`,
  },
  'vfio.device_closed': {
    doc: 'A user closed the file descriptor of a VFIO device.',
    line: (e) => `${e.dev}: VFIO device closed`,
  },
  'vfio.user_released': {
    doc: 'The VFIO user that holds its files open under a name was told to close them.',
    line: (e) => `VFIO user ${e.hold}: told to close its files`,
  },

  printk: {
    doc: 'The kernel printed a line.',
    line: (e) => `kernel says (${e.level}): ${e.text}`,
  },
  'kernel.warned': {
    doc: 'The kernel ran into a WARN_ON.',
    line: (e) => `WARNING at ${e.at}: ${e.what}`,
  },
  'kernel.oopsed': {
    doc: 'The kernel crashed in the task.',
    line: (e) => `Oops at ${e.at}: ${e.what}`,
  },

  'log.diverged': {
    doc: 'The log says something else than the model expected; the state follows the log.',
    line: (e) => `log diverges: ${disagreement(e)}`,
  },
};

function result(ret: number): string {
  return ret < 0 ? errnoName(ret) : String(ret);
}

/** A program ends with a status, a path of the kernel with an errno. */
function ended(ret: number): string {
  if (ret === 0) return '';
  return ret < 0 ? ` with ${result(ret)}` : `, exit status ${ret}`;
}

/** The model calls a container "container USER" itself. */
function container(name: string): string {
  return name.startsWith('container ') ? name : `container ${name}`;
}

function smmuEntry({ id, mask, does, context }: SmmuEntry): string {
  const stream = mask === 0 ? hex(id) : `${hex(id)} mask ${hex(mask)}`;
  return context === null ? `${stream} ${does}` : `${stream} ${does} (context bank ${context})`;
}

function hex(id: number): string {
  return `0x${id.toString(16)}`;
}

function span({ start, length }: { readonly start: number; readonly length: number }): string {
  return `${hex(start)}-${hex(start + length - 1)}`;
}

function access({ read, write }: EventOf<'iommu.mapped'>): string {
  if (read && write) return 'read-write';
  return write ? 'write-only' : 'read-only';
}

const FAULTS: Readonly<Record<FaultReason, string>> = {
  stream: 'nothing is said of its stream',
  entry: 'the entry of its stream refuses it',
  translation: 'nothing is mapped there',
  permission: 'the mapping does not allow it',
};

function outcome({ result, why, iommu }: EventOf<'dma.issued'>): string {
  if (iommu === null) return 'with no IOMMU in the way';
  return why === null ? result : `${result}: ${FAULTS[why]}`;
}

function through({ iommu, id, group, domain }: EventOf<'dma.issued'>): string {
  if (iommu === null || id === null) return '';
  const of = group === null ? 'in no group' : `of group ${group} on ${domain ?? 'no'} domain`;
  return `, at ${iommu} as ${hex(id)} ${of}`;
}

function snooping(snooped: boolean | null): string {
  if (snooped === null) return '';
  return snooped ? ', snooped' : ', not snooped';
}
