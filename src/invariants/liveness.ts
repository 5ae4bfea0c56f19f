/** What is referred to is there: the code and the data of IOMMU drivers. */
import type { KernelEvent } from '../events/event.ts';
import type { Facts } from '../model/context.ts';
import { busOpsGone, deviceOpsGone, instanceOf } from '../model/kernel/iommu-ops.ts';
import type { ReadDevice } from '../model/state/state.ts';
import type { Breach, Invariant } from './invariant.ts';

const BUS = 'bus ';
const GROUPLESS = 'groupless ';

/** Devices for which an instance of that name was found. */
function clientsOf(iommu: string, k: Facts): readonly string[] {
  const clients = Object.values(k.state.devices).filter((device) => device.iommu === iommu);
  return clients.map(({ name }) => name);
}

/** A device by its name, a bus behind `bus `, a device that lost its group behind `groupless `. */
function subjectsOf(event: KernelEvent, k: Facts): readonly string[] {
  switch (event.type) {
    case 'module.unloaded': {
      const clients = Object.values(k.state.devices).filter(({ iommu }) => iommu !== null);
      const buses = Object.keys(k.state.buses).map((bus) => BUS + bus);
      return [...buses, ...clients.map(({ name }) => name)];
    }
    case 'bus.iommu_ops':
      return [BUS + event.bus];
    case 'iommu.freed':
    case 'iommu.registered':
      return clientsOf(event.iommu, k);
    case 'group.left': // VFIO makes groups for devices without an IOMMU, too.
      return (k.state.devices[event.dev]?.iommu ?? null) === null ? [] : [GROUPLESS + event.dev];
    case 'driver.unbound':
      return [event.dev, GROUPLESS + event.dev];
    case 'driver.bound':
    case 'group.joined':
    case 'iommu.device_released':
      return [event.dev];
    default:
      return [];
  }
}

function checkBus(bus: string, k: Facts): Breach | null {
  const gone = busOpsGone(k, bus);
  if (gone === null) return null;
  const message = `the iommu_ops of bus ${bus} point to where module ${gone} was`;
  return { message, values: { bus, module: gone } };
}

function checkGroupless({ name, bound, driver, iommu_group }: ReadDevice): Breach | null {
  if (!bound || iommu_group !== null) return null;
  const message =
    `${name} is bound to ${driver}, which does DMA through a domain that was freed ` +
    'when the device left its group';
  return { message, values: { driver } };
}

function checkDevice(device: ReadDevice, k: Facts): Breach | null {
  const { name, bound, driver, iommu, iommu_group, iommu_freed } = device;
  if (iommu === null) return null;
  const gone = deviceOpsGone(k, device);
  if (gone !== null) {
    const message = `${name} and its group ${iommu_group} refer to the code of module ${gone}, which is gone`;
    return { message, values: { iommu, group: iommu_group, module: gone } };
  }
  if (!iommu_freed) return null;
  const isBack = instanceOf(k, iommu)?.freed === false;
  if (!bound && !isBack) return null;
  const use = isBack ? `while ${iommu} is back` : `which ${driver} uses`;
  const message = `${name} refers to what was freed when ${iommu} lost its driver, ${use}`;
  return { message, values: { iommu, group: iommu_group, driver } };
}

/** INV-LIVE. */
export const liveness: Invariant = {
  id: 'no-live-reference-to-a-gone-driver',
  code: 'INV-LIVE',
  harm: 'crash',
  claim:
    'No bus, device or group refers to an IOMMU driver that was unloaded, or to an IOMMU that has lost its driver.',
  subsystem: 'iommu core',
  when: 'always',
  watches: [
    'module.unloaded',
    'bus.iommu_ops',
    'iommu.freed',
    'iommu.registered',
    'iommu.device_released',
    'group.joined',
    'group.left',
    'driver.bound',
    'driver.unbound',
  ],
  subjects: subjectsOf,
  name: (subject) => (subject.startsWith(GROUPLESS) ? subject.slice(GROUPLESS.length) : subject),
  suspects: [
    'smmu_module_v1',
    'iommu_driver_refs',
    'bus_ops_retired',
    'register_scans_buses',
    'smmu_suppress_bind',
    'smmu_unregister_on_remove',
    'bus_ops_unset',
    'bus_unset_iommu_jpb',
    'MODULE_FORCE_UNLOAD',
  ],
  check(subject, k): Breach | null {
    if (subject.startsWith(BUS)) return checkBus(subject.slice(BUS.length), k);
    const isGroupless = subject.startsWith(GROUPLESS);
    const device = k.state.devices[isGroupless ? subject.slice(GROUPLESS.length) : subject];
    if (device === undefined) return null;
    return isGroupless ? checkGroupless(device) : checkDevice(device, k);
  },
};
