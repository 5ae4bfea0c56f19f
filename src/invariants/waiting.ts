/** Who waits for whom: that links make no circle, and that waiting ends. */

import type { Facts } from '../model/context.ts';
import { EPROBE_DEFER } from '../model/errno.ts';
import { matchesAny } from '../model/firmware/modalias.ts';
import { is, suppliersOf } from '../model/kernel/device-link-facts.ts';
import { iommuOf } from '../model/kernel/requester-ids.ts';
import { deviceOf } from '../model/lookup.ts';
import type { ReadDevice, ReadDriver } from '../model/state/state.ts';
import { type Breach, devicesOf, type Invariant, type Violation } from './invariant.ts';

const ARROW = ' -> ';

/**
 * What a device depends on: suppliers by managed links, then its parent. Links that hold nobody back
 * count where the kernel took that power from them because of a cycle.
 */
function dependencies(dev: string, k: Facts): readonly string[] {
  const links = suppliersOf(k, dev).filter(
    (link) => !is(link, 'SYNC_STATE_ONLY') || is(link, 'CYCLE'),
  );
  const parent = k.state.devices[dev]?.parent ?? null;
  return [...links.map(({ supplier }) => supplier), ...(parent === null ? [] : [parent])];
}

/** A way from `dev` back to itself, without its end; null for none. Cost: each device once. */
function circleFrom(
  dev: string,
  next: (name: string) => readonly string[],
): readonly string[] | null {
  const seen = new Set<string>();
  const search = (name: string): readonly string[] | null => {
    for (const other of next(name)) {
      if (other === dev) return [name];
      if (seen.has(other)) continue;
      seen.add(other);
      const rest = search(other);
      if (rest !== null) return [name, ...rest];
    }
    return null;
  };
  return search(dev);
}

/** INV-DAG. */
export const acyclic: Invariant = {
  id: 'managed-links-form-no-cycle',
  code: 'INV-DAG',
  harm: 'lockout',
  claim: 'No device depends on itself, by managed links and parents.',
  subsystem: 'driver core',
  when: 'always',
  watches: ['link.added'],
  subjects: (event) => (event.type === 'link.added' ? [event.consumer] : []),
  name: (subject) => subject,
  suspects: ['devlink_iommu_optional', 'devlink_iommus', 'fw_devlink_cycles', 'fw_devlink_on'],
  check(dev, k) {
    if (suppliersOf(k, dev).length === 0) return null;
    const circle = circleFrom(dev, (name) => dependencies(name, k));
    if (circle === null) return null;
    const way = [...circle, dev].join(ARROW);
    const link = suppliersOf(k, dev).find(
      ({ supplier }) => supplier === circle[1] || supplier === dev,
    );
    const holds = link !== undefined && !is(link, 'SYNC_STATE_ONLY');
    const what = holds ? 'it waits for itself' : 'only because the kernel saw it, nobody waits';
    const message = `${dev} depends on itself: ${way}; ${what}`;
    return { message, values: { circle: way, holds } };
  },
};

/** Is it about a circle that the kernel saw and broke, so that nobody waits? Many boards have some. */
export function isBrokenCircle({ invariant, values }: Violation): boolean {
  return invariant === acyclic.id && values?.['holds'] === false;
}

/** Is nothing under way, and nothing to come, that retries what is deferred? */
function isAtRest({ state }: Facts): boolean {
  const { deferred } = state;
  if (deferred.defer_all_probes) return false; // The system goes down.
  if (!deferred.enable || !deferred.initcalls_done || deferred.timeout_armed) return false;
  if (deferred.active.length > 0 || deferred.probe_count > 0 || state.oops !== null) return false;
  if (Object.values(state.modules).some((module) => module.state !== 'live')) return false;
  return Object.values(state.devices).every(({ unbinding }) => !unbinding);
}

/** The drivers that would probe the device now. */
function matching(device: ReadDevice, k: Facts): readonly ReadDriver[] {
  const { bus, spec, driver_override, name } = device;
  return Object.values(k.state.buses[bus]?.drivers ?? {}).filter((drv) => {
    if (driver_override !== null) return driver_override === drv.name;
    return drv.name === name || matchesAny([...drv.spec.ids, ...drv.dynamic_ids], spec.ids);
  });
}

/** Does the driver say on its own that the device has to wait? */
function defersByItself({ spec: { outcomes, outcome } }: ReadDriver, dev: string): boolean {
  const own = outcomes !== undefined && Object.hasOwn(outcomes, dev) ? outcomes[dev] : undefined;
  return own?.includes(-EPROBE_DEFER) ?? outcome === -EPROBE_DEFER;
}

/** The IOMMU that the device cannot do without and that is not there. */
function missingIommu(dev: string, k: Facts): readonly string[] {
  const iommu = iommuOf(k, dev)?.name;
  if (iommu === undefined) return [];
  return k.state.iommus.some(({ name }) => name === iommu) ? [] : [iommu];
}

/** What a deferred device waits for that is not there. */
function awaited(dev: string, k: Facts): readonly string[] {
  const { fwnode_links, devices } = k.state;
  const nodes = fwnode_links.filter(({ consumer, cycle }) => consumer === dev && !cycle);
  const links = suppliersOf(k, dev).filter(
    (link) => link.status !== 'AVAILABLE' && !is(link, 'SYNC_STATE_ONLY'),
  );
  const { match_defers_on = [] } = deviceOf(k, dev).spec;
  const asked = matching(deviceOf(k, dev), k).flatMap(({ spec: { defers_on } }) =>
    defers_on !== undefined && Object.hasOwn(defers_on, dev) ? (defers_on[dev] ?? []) : [],
  );
  const missing = [
    ...nodes.map(({ supplier }) => supplier),
    ...links.map(({ supplier }) => supplier),
    ...[...asked, ...match_defers_on].filter((other) => devices[other]?.bound !== true),
    ...missingIommu(dev, k),
  ];
  return [...new Set(missing)];
}

/** The device whose probe would bring `name`: its own, else the nearest above it. */
function bringerOf(name: string, k: Facts): string | null {
  const specs = new Map(k.machine.devices.map((spec) => [spec.name, spec]));
  let at: string | null = name;
  while (at !== null && k.state.devices[at] === undefined) at = specs.get(at)?.parent ?? null;
  return at;
}

/**
 * What is wrong with the wait of `dev`: it is for nothing, or those that it is for wait for it or for
 * each other. null where something else has to happen first. Cost: each deferred device once.
 */
function endlessWait(dev: string, k: Facts): string | null {
  const waits = new Map<string, readonly string[]>();
  const open = [dev];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (waits.has(name)) continue;
    const device = k.state.devices[name];
    if (device?.deferred !== 'pending') return null;
    // It was another driver that waited; who overrides it has to ask for a probe.
    if (device.driver_override !== null) return null;
    const drivers = matching(device, k);
    if (drivers.length === 0 || drivers.some((drv) => defersByItself(drv, name))) return null;
    const bringers = awaited(name, k).map((other) => bringerOf(other, k));
    const known = bringers.filter((other) => other !== null);
    if (known.length < bringers.length) return null;
    waits.set(name, known);
    open.push(...known);
  }
  const circle = circleFrom(dev, (name) => waits.get(name) ?? []);
  if (circle !== null) return `waits for itself: ${[...circle, dev].join(ARROW)}`;
  const [first] = waits.get(dev) ?? [];
  if (first === undefined) return 'is deferred, although all that it waits for is there';
  return `waits for ${first}, which waits for nothing that can come`;
}

/** INV-DEFER. */
export const waitsEnd: Invariant = {
  id: 'nothing-waits-for-what-is-there',
  code: 'INV-DEFER',
  harm: 'lockout',
  claim:
    'Once nothing is retried any more, each deferred device waits for something that is not there ' +
    'and does not itself wait for the device.',
  subsystem: 'driver core',
  when: 'settled',
  watches: ['task.finished', 'deferred.removed', 'deferred.retried'],
  subjects(event, k) {
    if (event.type !== 'task.finished') return 'dev' in event ? [String(event.dev)] : [];
    const { pending } = k.state.deferred;
    return pending.length > 0 && isAtRest(k) ? pending : [];
  },
  name: (subject) => subject,
  suspects: ['fw_devlink_cycles', 'devlink_iommu_optional', 'timeout_default_10'],
  check(dev, k) {
    const device = k.state.devices[dev];
    if (device?.deferred !== 'pending') return null;
    const wrong = endlessWait(dev, k);
    if (wrong === null) return null;
    return { message: `${dev} ${wrong}`, values: { reason: device.deferred_reason } };
  },
};

/** What firmware says of the consumers of `dev`, as far as they have drivers and are not bound. */
function cleanedUpTooEarly(dev: string, k: Facts): Breach | null {
  const consumer = k.machine.devices.find(({ name, bus, ids, suppliers, disabled }) => {
    if (disabled === true || suppliers?.includes(dev) !== true) return false;
    if (k.state.devices[name]?.bound === true) return false;
    return k.machine.drivers.some((drv) => drv.bus === bus && matchesAny(drv.ids, ids));
  });
  if (consumer === undefined) return null;
  const message =
    `${dev} switches off what it thinks unused, although its consumer ${consumer.name} ` +
    'has not been probed yet and may still be at work as the boot loader left it';
  return { message, values: { consumer: consumer.name } };
}

/** INV-SYNC. */
export const suppliersStay: Invariant = {
  id: 'supplier-cleans-up-after-its-consumers-came',
  code: 'INV-SYNC',
  harm: 'corruption',
  claim:
    'A supplier switches nothing off before those of its consumers are bound for which there are drivers.',
  subsystem: 'driver core',
  when: 'always',
  watches: ['device.sync_state', 'supplier.cleaned_up'],
  subjects: devicesOf,
  name: (subject) => subject,
  suspects: ['fw_devlink_on', 'sync_state_timeout'],
  check: cleanedUpTooEarly,
};
