import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffStates } from '../../src/engine/diff.ts';
import { createHistory, foldAll, stateAfter } from '../../src/engine/history.ts';
import { canonicalJson } from '../../src/events/canonical.ts';
import { initialState } from '../../src/model/state/state.ts';
import { aTrace } from '../events/arbitrary.ts';
import { aRun, leakyTrace, NIC, traceOf } from '../model/small-machine.ts';

describe('stateAfter', () => {
  it('finds the states around an event', () => {
    const { events } = leakyTrace();
    const bound = events.findIndex(
      ({ event }) => event.type === 'driver.bound' && event.dev === NIC,
    );
    const history = createHistory(events);
    expect(stateAfter(history, bound).devices[NIC]?.bound).toBe(false);
    expect(stateAfter(history, bound + 1).devices[NIC]?.bound).toBe(true);
  });

  it('holds a position within the run', () => {
    const history = createHistory(leakyTrace().events);
    expect(stateAfter(history, -5)).toEqual(initialState());
    expect(stateAfter(history, 1e9)).toEqual(foldAll(history.events));
  });

  it.each([
    ['nonsense', aTrace],
    ['a system', aRun.map(traceOf)],
  ])('agrees with folding from the start, wherever it lands in %s', (_, traces) => {
    const aCase = fc.record({
      trace: traces,
      every: fc.integer({ min: 1, max: 40 }),
      at: fc.nat(400),
    });
    const property = fc.property(aCase, ({ trace: { events }, every, at }) => {
      const history = createHistory(events, every);
      const sought = stateAfter(history, at);
      expect(canonicalJson(sought)).toBe(canonicalJson(foldAll(events.slice(0, at))));
      expect(JSON.stringify(sought)).toBe(JSON.stringify(foldAll(events.slice(0, at))));
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('gives each caller a copy of its own', () => {
    const history = createHistory(leakyTrace().events, 16);
    const before = JSON.stringify(stateAfter(history, 100));
    const state = foldAll([]);
    Object.assign(state, stateAfter(history, 100));
    delete state.devices[NIC];
    state.links.length = 0;
    expect(JSON.stringify(stateAfter(history, 100))).toBe(before);
  });

  it('keeps checkpoints that nobody can change, and that share what they can', () => {
    const { checkpoints } = createHistory(leakyTrace().events, 16);
    expect(checkpoints.every((state) => Object.isFrozen(state))).toBe(true);
    const [last, before] = [checkpoints.at(-1), checkpoints.at(-2)];
    expect(last?.links).toBe(before?.links);
  });
});

describe('diffStates', () => {
  it('names what an event changed', () => {
    const { events } = leakyTrace();
    const at = events.findIndex(({ event }) => event.type === 'owner.used');
    const history = createHistory(events);
    expect(diffStates(stateAfter(history, at), stateAfter(history, at + 1))).toEqual([
      { path: ['devices', NIC, 'owner_uses'], before: 0, after: 1 },
      { path: ['groups', '1', 'owner_cnt'], before: 0, after: 1 },
    ]);
  });

  it('is empty exactly for equal states, and the same backwards', () => {
    const property = fc.property(aTrace, fc.nat(20), fc.nat(20), ({ events }, a, b) => {
      const [one, two] = [foldAll(events.slice(0, a)), foldAll(events.slice(0, b))];
      const changes = diffStates(one, two);
      expect(changes.length === 0).toBe(canonicalJson(one) === canonicalJson(two));
      const back = diffStates(two, one);
      expect(back).toHaveLength(changes.length);
    });
    fc.assert(property);
  });
});
