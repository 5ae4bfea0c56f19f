/**
 * What a campaign must have met at least once before "nothing found" means something. Each row is a
 * claim about some event of some run, and of which machines it can be made.
 */
import type { EventOf, EventType, KernelEvent } from '../events/event.ts';
import type { DeviceSpec, Machine } from '../events/machine.ts';
import type { ReadState } from '../model/state/state.ts';

export interface Sometimes {
  readonly id: string;
  readonly claim: string;
  readonly on: EventType;
  /** Is it this event? `state` is the one that the event led to. */
  readonly sees: (event: KernelEvent, state: ReadState) => boolean;
  /** Can it happen on this machine at all? null where it breaks an invariant: green campaigns lack it. */
  readonly can: ((machine: Machine) => boolean) | null;
}

const EPROBE_DEFER = -517;

const hasIommu = ({ devices }: Machine): boolean =>
  withCreated(devices).some(({ iommu_kind }) => iommu_kind !== undefined);
const hasModules = ({ modules }: Machine): boolean => modules.length > 0;
const hasDrivers = ({ drivers }: Machine): boolean => drivers.length > 0;
const hasFunctions = ({ devices }: Machine): boolean =>
  withCreated(devices).some(({ pci }) => pci !== undefined);
const hasVfio = (machine: Machine): boolean =>
  hasIommu(machine) && machine.drivers.some(({ name }) => name === 'vfio-pci');
/** Two devices could meet in a group: functions that nothing isolates, or streams they share. */
const canShare = (machine: Machine): boolean =>
  hasIommu(machine) &&
  withCreated(machine.devices).some(
    ({ pci }) => pci?.multifunction === true && !pci.acs_enabled && pci.pcie !== null,
  );
const canDefer = ({ devices, drivers }: Machine): boolean =>
  withCreated(devices).some((one) => (one.suppliers ?? one.iommus ?? []).length > 0) ||
  drivers.some(
    ({ outcome, outcomes, defers_on }) =>
      outcome === EPROBE_DEFER ||
      defers_on !== undefined ||
      Object.values(outcomes ?? {}).some((rets) => rets.includes(EPROBE_DEFER)),
  );
const canFail = ({ drivers }: Machine): boolean =>
  drivers.some(
    ({ outcome, outcomes }) =>
      isFailure(outcome ?? 0) || Object.values(outcomes ?? {}).some((rets) => rets.some(isFailure)),
  );
const isFailure = (ret: number): boolean => ret < 0 && ret !== EPROBE_DEFER;

function withCreated(devices: readonly DeviceSpec[]): readonly DeviceSpec[] {
  return devices.flatMap((device) => [device, ...withCreated(device.creates ?? [])]);
}

function row<T extends EventType>(
  id: string,
  claim: string,
  on: T,
  can: Sometimes['can'],
  sees: (event: EventOf<T>, state: ReadState) => boolean = () => true,
): Sometimes {
  return {
    ...{ id, claim, on, can },
    sees: (event, state) => isOf(event, on) && sees(event, state),
  };
}

/** An event of the type is one of these: the compiler does not see it where the type is unknown. */
function isOf<T extends EventType>(
  event: { readonly type: EventType },
  on: T,
): event is EventOf<T> {
  return event.type === on;
}

export const SOMETIMES: readonly Sometimes[] = [
  row('bound', 'a driver was bound to a device', 'driver.bound', hasDrivers),
  row('unbound', 'a driver was unbound from a device', 'driver.unbound', hasDrivers),
  row('removed', 'a device was removed', 'device.deleted', hasFunctions),
  row(
    'probe-failed',
    'a probe failed',
    'driver.probed',
    canFail,
    ({ ret }) => ret < 0 && ret !== EPROBE_DEFER,
  ),
  row('deferred', 'a probe was deferred', 'deferred.added', canDefer),
  row('retried', 'a deferred device was retried', 'deferred.retried', canDefer),
  row('timed-out', 'the time to wait for suppliers was over', 'deferred.timed_out', canDefer),
  row('unloaded', 'a module was unloaded', 'module.unloaded', hasModules),
  row('grouped', 'a device joined a group', 'group.joined', hasIommu),
  row(
    'shared',
    'a group got a second device',
    'group.joined',
    canShare,
    ({ group }, { groups }) => groups[group]?.devices.length === 2,
  ),
  row(
    'grouped-late',
    'a device joined a group after a driver was bound to it',
    'group.joined',
    (machine) => hasIommu(machine) && hasModules(machine),
    ({ dev }, { devices }) => devices[dev]?.bound === true,
  ),
  row('group-freed', 'a group was given up', 'group.freed', hasIommu),
  row('claimed', 'a user claimed a group', 'owner.claimed', hasVfio, ({ ret }) => ret === 0),
  row('refused', 'a claim was refused', 'owner.claimed', hasVfio, ({ ret }) => ret < 0),
  row('opened', 'a user opened a device', 'vfio.device_opened', hasVfio),
  row('survived', 'an oops was survived', 'task.started', null, (_, { oops }) => oops !== null),
];
