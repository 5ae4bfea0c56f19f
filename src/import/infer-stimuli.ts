/** What must have happened for a log line that nothing so far explains. */

import type { Run } from '../engine/run.ts';
import { NO_LINE } from '../events/disagreement.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { streamIds } from '../model/kernel/requester-ids.ts';
import { driverSeen } from './evidence.ts';
import type { Observation } from './observation.ts';

/**
 * Stimuli that the log does not show and that would explain the line, the likeliest only; none when
 * nothing known would.
 */
export function explanationOf(observation: Observation, run: Run): readonly Stimulus[] {
  const { kind, dev, prefix } = observation;
  switch (kind) {
    case 'deferred.timeout':
      if (run.state.deferred.timeout_armed) return [{ do: 'deferred_probe_timeout' }];
      return dev === null ? [] : bindingOf(run, dev, prefix);
    case 'deferred.pending':
      return run.state.deferred.timeout_armed ? [{ do: 'deferred_probe_timeout' }] : [];
    case 'pci.host_bridge':
      return endOfWait(run, dev);
    case 'vfio.loaded':
      return [{ do: 'modprobe', module: 'vfio', params: '' }];
    case 'iommu.group.removed':
      return isPresent(run, dev) ? [{ do: 'remove', dev }] : [];
    case 'pci.device':
      // Only what is new is found: where it is there, somebody had taken it away.
      return [
        ...(isPresent(run, dev) ? [{ do: 'remove', dev } as const] : []),
        { do: 'rescan', dev: null },
      ];
    case 'iommu.group.added':
      return dev === null ? [] : bindingOf(run, dev, prefix);
    default:
      return [];
  }
}

/**
 * The module that a driver at work belongs to, where the driver is not registered: user space has
 * loaded it by then.
 */
export function loadingOf(observation: Observation, run: Run): readonly Stimulus[] {
  const { dev } = observation;
  const drv = driverSeen(observation);
  const bus = run.state.devices[dev ?? '']?.bus;
  const spec = run.system.machine.drivers.find((d) => d.name === drv && d.bus === bus);
  if (spec === undefined || spec.module === null) return [];
  if (run.state.buses[spec.bus]?.drivers[spec.name] !== undefined) return [];
  return [{ do: 'modprobe', module: spec.module, params: '' }];
}

/** A deferred device is at work, and nothing that it waited for has come: it gave up. */
function endOfWait(run: Run, dev: string | null): readonly Stimulus[] {
  const waits = dev !== null && run.state.devices[dev]?.deferred === 'pending';
  return waits && run.state.deferred.timeout_armed ? [{ do: 'deferred_probe_timeout' }] : [];
}

function isPresent(run: Run, dev: string | null): dev is string {
  return dev !== null && run.state.devices[dev] !== undefined;
}

/** How a device comes to be probed by the driver that its line names. */
function bindingOf(run: Run, dev: string, prefix: string | null): readonly Stimulus[] {
  const device = run.state.devices[dev];
  if (device === undefined) {
    const isFunction = run.system.machine.devices.some(
      (d) => d.name === dev && d.pci !== undefined,
    );
    return isFunction ? [{ do: 'rescan', dev: null }] : [{ do: 'device_add', dev }];
  }
  const drv = prefix === null || prefix === device.bus ? null : prefix;
  if (drv === null || device.driver !== null) return [];
  const { bus, deferred } = device;
  const module = deferred === 'pending' ? moduleOfIommu(run, dev) : null;
  if (module !== null) return [{ do: 'modprobe', module, params: '' }];
  if (run.state.buses[bus]?.drivers[drv] !== undefined) return [{ do: 'drivers_probe', bus, dev }];
  const spec = run.system.machine.drivers.find((d) => d.name === drv && d.bus === bus);
  if (spec === undefined) return [];
  if (spec.module === null) return [{ do: 'driver_register', bus, drv }];
  return [{ do: 'modprobe', module: spec.module, params: '' }];
}

/** The module that the device's IOMMU has no driver without; null where it is not a module's lack. */
function moduleOfIommu({ kernel, state, system }: Run, dev: string): string | null {
  const [first] = streamIds(kernel, dev);
  const unit = state.devices[first?.iommu ?? ''];
  if (unit === undefined || unit.driver !== null) return null;
  const ids = new Set(unit.spec.ids);
  const driver = system.machine.drivers.find(
    (spec) => spec.bus === unit.bus && spec.ids.some((id) => ids.has(id)),
  );
  const isThere = state.buses[unit.bus]?.drivers[driver?.name ?? ''] !== undefined;
  return isThere ? null : (driver?.module ?? null);
}

/** Brings the state in line with what the log says, against the model. */
export function followLog(observation: Observation, run: Run): void {
  const { kind, dev, group, record } = observation;
  const { scheduler, state } = run;
  scheduler.record({ type: 'log.diverged', expected: NO_LINE, observed: record.text });
  const device = dev === null ? undefined : state.devices[dev];
  if (dev === null || device === undefined) return;
  if (kind === 'iommu.group.removed' && device.iommu_group !== null)
    leave(run, dev, device.iommu_group, device.owner_uses);
  if (kind !== 'iommu.group.added' || group === null) return;
  const uses = device.owner_uses;
  if (device.iommu_group !== null) leave(run, dev, device.iommu_group, uses);
  if (state.groups[group] === undefined) scheduler.record({ type: 'group.allocated', group });
  scheduler.record({ type: 'group.joined', dev, group });
  for (let i = 0; i < uses; i += 1) scheduler.record({ type: 'owner.used', dev, group, ret: 0 });
}

/**
 * Takes devices out of the groups that the log put them into, once they are gone: the model, which had not
 * put them there, does not. Cost: each group once for each such device.
 */
export function forgetGone({ state, scheduler }: Run, moved: ReadonlySet<string>): void {
  for (const dev of moved) {
    if (state.devices[dev] !== undefined) continue;
    for (const { id, devices } of Object.values(state.groups)) {
      if (!devices.includes(dev)) continue;
      scheduler.record({ type: 'group.left', dev, group: id });
      if (state.groups[id]?.devices.length === 0)
        scheduler.record({ type: 'group.freed', group: id });
    }
  }
}

/** The device takes what it counts in the group with it, so that the count stays true. */
function leave(run: Run, dev: string, group: number, uses: number): void {
  for (let i = 0; i < uses; i += 1) run.scheduler.record({ type: 'owner.unused', dev, group });
  run.scheduler.record({ type: 'group.left', dev, group });
  if (run.state.groups[group]?.devices.length === 0)
    run.scheduler.record({ type: 'group.freed', group });
}
