import fc from 'fast-check';
import { produce } from 'immer';
import { describe, expect, it } from 'vitest';
import { createHistory, foldAll, stateAfter, thaw } from '../../../src/engine/history.ts';
import { canonicalJson } from '../../../src/events/canonical.ts';
import type { KernelEvent, Recorded } from '../../../src/events/event.ts';
import { reduce } from '../../../src/model/state/reduce.ts';
import { initialState, type State } from '../../../src/model/state/state.ts';
import { aDevice, anEvent, aTrace, HOSTILE_NAMES } from '../../events/arbitrary.ts';
import { aRun, leakyTrace, NIC, NIC_GROUP, traceOf } from '../small-machine.ts';

const theEvents = fc.oneof(
  aTrace.map(({ events }) => events),
  aRun.map((run) => traceOf(run).events),
);

function fold(events: readonly KernelEvent[]): State {
  const state = initialState();
  for (const event of events) reduce(state, event);
  return state;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
}

describe('the reducer', () => {
  it('counts a device in its group, and takes it out again', () => {
    const state = foldAll(leakyTrace().events);
    expect(state.groups[NIC_GROUP]).toMatchObject({ devices: [NIC], owner_cnt: 1, owner: null });
    expect(state.devices[NIC]).toMatchObject({ driver: 'vfio-pci', bound: true, owner_uses: 1 });
  });

  it('means the IOMMU that is in use where a freed one of the name is left', () => {
    const at = (place: number): KernelEvent => ({
      type: 'iommu.registered',
      iommu: 'smmu',
      ops: 'arm-smmu',
      fwnode: true,
      at: place,
    });
    const spec = { name: 'nic', bus: 'platform', parent: null, ids: [] };
    const state = fold([
      { type: 'device.added', dev: 'nic', spec },
      at(1),
      { type: 'iommu.freed', iommu: 'smmu' },
      at(2),
      { type: 'iommu.device_probed', dev: 'nic', iommu: 'smmu' },
      { type: 'iommu.sysfs_removed', iommu: 'smmu' },
    ]);
    expect(state.devices['nic']).toMatchObject({ iommu_ops_at: 2, iommu_freed: false });
    expect(state.iommus.map(({ freed, in_sysfs }) => [freed, in_sysfs])).toEqual([
      [true, true],
      [false, false],
    ]);
  });

  it('gives the same state in the fast lane and under Immer, at any position', () => {
    const property = fc.property(
      theEvents,
      fc.nat(300),
      fc.integer({ min: 1, max: 9 }),
      (events, at, every) => {
        const fast = foldAll(events.slice(0, at));
        const history = stateAfter(createHistory(events, every), at);
        const oneByOne = events
          .slice(0, at)
          .reduce(
            (state, { event }) => produce(state, (draft) => reduce(draft, event)),
            initialState(),
          );
        expect(JSON.stringify(history)).toBe(JSON.stringify(fast));
        expect(JSON.stringify(oneByOne)).toBe(JSON.stringify(fast));
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  it('is deterministic', () => {
    const property = fc.property(theEvents, (events) => {
      expect(JSON.stringify(foldAll(events))).toBe(JSON.stringify(foldAll(events)));
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('never throws, and leaves the event as it is', () => {
    const property = fc.property(theEvents, (events) => {
      const state = initialState();
      for (const { event } of deepFreeze(thaw(events))) reduce(state, event);
    });
    fc.assert(property);
  });

  it('does not let the state change an event that it came from', () => {
    const property = fc.property(fc.array(anEvent), fc.array(anEvent), (first, second) => {
      const before = canonicalJson(first);
      fold([...first, ...second]);
      expect(canonicalJson(first)).toBe(before);
    });
    fc.assert(property);
  });

  it('makes states that JSON holds', () => {
    const property = fc.property(theEvents, (events) => {
      const state = foldAll(events);
      const text = JSON.stringify(state);
      expect(canonicalJson(JSON.parse(text))).toBe(canonicalJson(state));
    });
    fc.assert(property);
  });

  it('makes tables without a prototype', () => {
    const isBare = (table: object) => Object.getPrototypeOf(table) === null;
    const property = fc.property(theEvents, (events) => {
      const state = foldAll(events);
      const tables = [state.devices, state.buses, state.modules, state.groups, state.vfio.open];
      expect(tables.every(isBare)).toBe(true);
      expect(Object.values(state.buses).every(({ drivers }) => isBare(drivers))).toBe(true);
    });
    fc.assert(property, { numRuns: 50 });
  });
});

describe('a hostile name', () => {
  it.each(HOSTILE_NAMES)('%j is a device like any other', (name) => {
    const state = initialState();
    const spec = { name, bus: name, parent: null, ids: [] };
    reduce(state, { type: 'device.added', dev: name, spec });
    reduce(state, { type: 'probe.started', dev: name, drv: name });
    expect(Object.keys(state.devices)).toEqual([name]);
    expect(Object.keys(state.buses)).toEqual([name]);
    expect(Object.values(state.devices)[0]?.driver).toBe(name);
    reduce(state, { type: 'device.deleted', dev: name });
    expect(Object.keys(state.devices)).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'driver')).toBe(false);
  });

  it('that was never added changes nothing', () => {
    const property = fc.property(
      aDevice,
      fc.constantFrom('__proto__', 'constructor'),
      (spec, dev) => {
        const events: readonly KernelEvent[] = [
          { type: 'device.added', dev: 'a', spec: { ...spec, name: 'a' } },
          { type: 'driver.bound', dev, drv: 'x' },
          { type: 'owner.used', dev, group: 0, ret: 0 },
          { type: 'deferred.added', dev },
          { type: 'device.dead', dev },
        ];
        expect(JSON.stringify(fold(events))).toBe(JSON.stringify(fold(events.slice(0, 1))));
        expect(({} as { readonly dead?: boolean }).dead).toBeUndefined();
      },
    );
    fc.assert(property, { numRuns: 20 });
  });
});

/** Every recorded event is folded, whatever it says of its evidence. */
it('looks at nothing but the event', () => {
  const property = fc.property(aTrace, ({ events }) => {
    const bare = events.map(
      ({ event }): Recorded => ({
        ...{ event, task: '', stack: [], origin: 'implied', line: null, timeUs: null },
      }),
    );
    expect(JSON.stringify(foldAll(bare))).toBe(JSON.stringify(foldAll(events)));
  });
  fc.assert(property, { numRuns: 30 });
});
