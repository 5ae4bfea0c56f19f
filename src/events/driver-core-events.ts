/** What happens in the driver core and to modules. The payloads of events, by type. */

import type { DeviceSpec, DriverSpec } from './machine.ts';
import type { LinkFlag, LinkState, LinksStatus } from './terms.ts';

export interface DriverCoreEvents {
  // Devices on their bus.
  'device.added': { readonly dev: string; readonly spec: DeviceSpec };
  'device.ready': { readonly dev: string };
  'device.match_driver': { readonly dev: string };
  'device.async_driver': { readonly dev: string; readonly drv: string | null };
  'device.dead': { readonly dev: string };
  'device.bus_removed': { readonly dev: string };
  'device.deleted': { readonly dev: string };
  /** All devices, in the order in which they stand at the end of the list from here on. */
  'devices_kset.moved': { readonly devs: readonly string[] };
  'probing.blocked': Record<never, never>;
  'device.shutdown': { readonly dev: string };
  'driver.shutdown': { readonly dev: string; readonly drv: string };
  'device.driver_override': { readonly dev: string; readonly drv: string | null };
  'bus.drivers_autoprobe': { readonly bus: string; readonly on: boolean };

  // Drivers and modules.
  'driver.registered': { readonly bus: string; readonly drv: string; readonly spec: DriverSpec };
  'driver.going': { readonly bus: string; readonly drv: string };
  'driver.unregistered': { readonly bus: string; readonly drv: string };
  'driver.id_added': { readonly bus: string; readonly drv: string; readonly id: string };
  'driver.id_removed': { readonly bus: string; readonly drv: string; readonly id: string };
  'module.loading': { readonly module: string; readonly depends: readonly string[] };
  'module.live': { readonly module: string };
  'module.going': { readonly module: string };
  'module.unloaded': { readonly module: string };
  'module.got': { readonly module: string; readonly by: string };
  'module.put': { readonly module: string; readonly by: string };
  'module.param': { readonly module: string; readonly param: string; readonly value: string };

  // Binding (drivers/base/dd.c).
  /** The bus cannot say yet whether a driver fits. */
  'device.can_match': { readonly dev: string };
  'probe.matched': { readonly dev: string; readonly drv: string };
  'probe.started': { readonly dev: string; readonly drv: string };
  'dma.configured': { readonly dev: string; readonly ret: number };
  'dma.cleaned': { readonly dev: string };
  'driver.probed': { readonly dev: string; readonly drv: string; readonly ret: number };
  'driver.removed': { readonly dev: string; readonly drv: string };
  'probe.test_removed': { readonly dev: string; readonly drv: string };
  /** Listeners on the bus hear that a probe failed. Kernel: BUS_NOTIFY_DRIVER_NOT_BOUND. */
  'driver.not_bound': { readonly dev: string; readonly drv: string };
  'probe.unwound': { readonly dev: string; readonly drv: string };
  'device.unbind_cleanup': { readonly dev: string };
  'driver.bound': { readonly dev: string; readonly drv: string };
  'probe.finished': { readonly dev: string; readonly drv: string; readonly ret: number };
  'driver.unbinding': { readonly dev: string; readonly drv: string };
  'driver.unbound': { readonly dev: string; readonly drv: string };

  // Deferral.
  'deferred.added': { readonly dev: string };
  'deferred.removed': { readonly dev: string };
  'deferred.reason': { readonly dev: string; readonly reason: string };
  'deferred.triggered': { readonly trigger_count: number };
  'deferred.retried': { readonly dev: string };
  'deferred.enabled': Record<never, never>;
  'initcalls.done': Record<never, never>;
  'deferred.timeout_armed': { readonly seconds: number };
  'deferred.timed_out': Record<never, never>;

  // What firmware says of suppliers, until it becomes device links; ends are fwnodes.
  'fwnode_link.added': { readonly consumer: string; readonly supplier: string };
  /** Part of a cycle: it holds nobody back. */
  'fwnode_link.cycle': { readonly consumer: string; readonly supplier: string };
  'fwnode_link.deleted': { readonly consumer: string; readonly supplier: string };

  // Device links.
  'link.added': {
    readonly consumer: string;
    readonly supplier: string;
    readonly flags: readonly LinkFlag[];
    readonly status: LinkState;
  };
  'link.state': {
    readonly consumer: string;
    readonly supplier: string;
    readonly status: LinkState;
  };
  /** All flags the link has from here on. */
  'link.flags': {
    readonly consumer: string;
    readonly supplier: string;
    readonly flags: readonly LinkFlag[];
  };
  'link.deleted': { readonly consumer: string; readonly supplier: string };
  'links.status': { readonly dev: string; readonly status: LinksStatus };
  /** fw_devlink_best_effort: whether probes ignore suppliers that no driver matched. */
  'links.best_effort': { readonly on: boolean };

  // Suppliers that hear when all their consumers are bound, and those that do not ask.
  'sync_state.paused': Record<never, never>;
  'sync_state.resumed': Record<never, never>;
  /** It is looked at again when the pauses are over. */
  'sync_state.deferred': { readonly dev: string };
  'sync_state.undeferred': { readonly dev: string };
  /** state_synced: the callback will be called, once. */
  'sync_state.queued': { readonly dev: string };
  /** The driver's sync_state callback ran. */
  'device.sync_state': { readonly dev: string };
  /** The supplier switched off what no consumer had asked for by the end of the boot. */
  'supplier.cleaned_up': { readonly dev: string };
}
