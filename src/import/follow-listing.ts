/**
 * What must have been done for the system to be as a listing shows it: the log says nothing of modules
 * that were loaded, nor of drivers that somebody bound and unbound by hand.
 */
import type { Run } from '../engine/run.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { moduleName } from '../model/firmware/module-table.ts';
import { MODELLED_BUSES } from './end-state.ts';
import { isPciName } from './evidence.ts';
import type { DeferredEntry, SysfsDevice, SysfsSnapshot } from './sysfs-file.ts';

/**
 * Gives the run what brings it to the listing, the likeliest only, and returns it. What these stimuli do
 * not bring about is left for a comparison to find. Cost: at most four stimuli a device.
 */
export function followListing(
  run: Run,
  snapshot: SysfsSnapshot | null,
  deferred: readonly DeferredEntry[],
): readonly Stimulus[] {
  const given: Stimulus[] = [];
  const give = (stimulus: Stimulus): void => {
    run.give(stimulus);
    given.push(stimulus);
  };
  if (snapshot !== null) loadModules(run, snapshot, give);
  for (const { dev } of deferred) loadWaiting(run, dev, give);
  if (snapshot === null) return given;
  const listed = snapshot.devices.filter(({ bus }) => bus !== null && MODELLED_BUSES.has(bus));
  removeAbsent(run, listed, give);
  addMissing(run, listed, give);
  for (const device of listed) bindAsListed(run, device, give);
  return given;
}

type Give = (stimulus: Stimulus) => void;

/** The list has the module first that was loaded last. */
function loadModules({ state, system }: Run, { modules }: SysfsSnapshot, give: Give): void {
  const known = new Set(system.machine.modules.map(({ name }) => name));
  for (const listed of modules.toReversed()) {
    const name = moduleName(listed.name);
    if (known.has(name) && state.modules[name] === undefined)
      give({ do: 'modprobe', module: name, params: '' });
  }
}

/** The module whose driver is what the device waits with. */
function loadWaiting({ state, system }: Run, dev: string, give: Give): void {
  const device = state.devices[dev];
  if (device === undefined || device.deferred !== 'none') return;
  const spec = system.machine.drivers.find(
    ({ module, defers_on = {} }) => module !== null && Object.hasOwn(defers_on, dev),
  );
  if (spec?.module == null || state.buses[spec.bus]?.drivers[spec.name] !== undefined) return;
  give({ do: 'modprobe', module: spec.module, params: '' });
}

/** PCI functions that are gone, those on top first: what is below goes with them. */
function removeAbsent(run: Run, listed: readonly SysfsDevice[], give: Give): void {
  const present = new Set(listed.map(({ name }) => name));
  const gone = Object.keys(run.state.devices).filter(
    (name) => isPciName(name) && !present.has(name),
  );
  for (const dev of gone.sort()) {
    const device = run.state.devices[dev];
    if (device !== undefined && !device.orphaned) give({ do: 'remove', dev });
  }
}

function addMissing(run: Run, listed: readonly SysfsDevice[], give: Give): void {
  const specs = new Map(run.system.machine.devices.map((spec) => [spec.name, spec]));
  let isScanned = false;
  for (const { name } of listed) {
    const spec = specs.get(name);
    if (run.state.devices[name] !== undefined || spec === undefined) continue;
    if (spec.pci === undefined && spec.parent === null) give({ do: 'device_add', dev: name });
    else if (spec.pci !== undefined && !isScanned) {
      isScanned = true;
      give({ do: 'rescan', dev: null });
    }
  }
}

function bindAsListed(run: Run, listed: SysfsDevice, give: Give): void {
  const { name: dev, driver: drv, driver_override } = listed;
  const device = run.state.devices[dev];
  if (device === undefined || device.unbinding) return;
  const { bus } = device;
  if (device.driver_override !== driver_override && (bus === 'pci' || bus === 'platform'))
    give({ do: 'driver_override', bus, dev, drv: driver_override });
  if (driverOf(run, dev) === drv) return;
  if (driverOf(run, dev) !== null) give({ do: 'unbind', bus, drv: '', dev });
  if (drv === null) return;
  if (run.state.buses[bus]?.drivers[drv] === undefined) register(run, bus, drv, give);
  if (driverOf(run, dev) !== drv) give({ do: 'bind', bus, drv, dev });
}

function driverOf({ state }: Run, dev: string): string | null {
  return state.devices[dev]?.driver ?? null;
}

function register({ system }: Run, bus: string, drv: string, give: Give): void {
  const spec = system.machine.drivers.find((one) => one.bus === bus && one.name === drv);
  if (spec === undefined) return;
  if (spec.module === null) give({ do: 'driver_register', bus, drv });
  else give({ do: 'modprobe', module: spec.module, params: '' });
}
