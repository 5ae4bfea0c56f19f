// Goal: a bisection is a linear scan, whatever breaks and heals. Method: traces of real runs get faults
// at random places, some of which heal; what each search says is compared with looking at every device
// and group of every state. PLANTED sets how many traces.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstViolation } from '../../src/bisect/first-violation.ts';
import { scanStates } from '../../src/bisect/scan.ts';
import { searchPrefixes } from '../../src/bisect/search.ts';
import { parseWhen } from '../../src/bisect/when.ts';
import type { KernelEvent, Recorded } from '../../src/events/event.ts';
import type { Trace } from '../../src/events/trace.ts';
import { findInvariant } from '../../src/invariants/all.ts';
import { kernelOps } from '../../src/model/kernel/ops.ts';
import { reduce } from '../../src/model/state/reduce.ts';
import { initialState } from '../../src/model/state/state.ts';
import type { PatchName } from '../../src/model/versions/patch-table.ts';
import { patchesOf } from '../../src/model/versions/profile.ts';
import { ASSIGN_NIC, BOOT, NIC, NIC_GROUP, runSmall } from '../model/small-machine.ts';

const TRACES = Number(process.env['PLANTED'] ?? 300);

const RUNS: readonly Trace[] = [runSmall([BOOT]).trace(), runSmall(ASSIGN_NIC).trace()];
const balance = findInvariant('INV-BAL');

/** A use that nobody gives back, and after a while, or never, is given back all the same. */
interface Fault {
  readonly at: number;
  readonly healsAfter: number | null;
}

const aFault: fc.Arbitrary<Fault> = fc.record({
  at: fc.integer({ min: 0, max: 999 }).map((thousandth) => thousandth / 1000),
  healsAfter: fc.option(fc.nat(40)),
});

const aPlanted = fc.record({
  run: fc.constantFrom(...RUNS),
  faults: fc.array(aFault, { maxLength: 3 }),
});

/** The trace with the faults in it. What they do is facts of the vocabulary, as a kernel might do them. */
function planted(run: Trace, faults: readonly Fault[]): Trace {
  const added: { n: number; event: KernelEvent }[] = [];
  for (const { at, healsAfter } of faults) {
    const n = Math.floor(at * run.events.length);
    const use = { dev: NIC, group: NIC_GROUP } as const;
    added.push({ n, event: { type: 'owner.used', ...use, ret: 0 } });
    if (healsAfter !== null)
      added.push({ n: n + healsAfter, event: { type: 'owner.unused', ...use } });
  }
  const events = run.events.flatMap((recorded, n) => [
    recorded,
    ...added.filter((one) => one.n === n).map(({ event }): Recorded => ({ ...recorded, event })),
  ]);
  return { header: run.header, events };
}

/**
 * After each event, is any device in breach of the claim? It has to hold after the events that it
 * watches; in between it is as it was.
 */
function scanned({ header, events }: Trace): readonly boolean[] {
  const patches = patchesOf(header.kernel);
  const state = initialState();
  const has = (one: PatchName) => patches.has(one);
  const facts = { state, machine: header.machine, ops: kernelOps, has };
  let bad = false;
  return events.map(({ event }) => {
    reduce(state, event);
    if (balance?.watches.includes(event.type) === true)
      bad = Object.keys(state.devices).some((dev) => balance.check(dev, facts) !== null);
    return bad;
  });
}

const isOverused = ({ events }: Trace): readonly boolean[] => {
  const state = initialState();
  return events.map(({ event }) => {
    reduce(state, event);
    return Object.values(state.devices).some(({ owner_uses }) => owner_uses > 1 || owner_uses < 0);
  });
};

const OVERUSED = parseWhen(
  'devices.exists(d, devices[d].owner_uses < 0 || devices[d].owner_uses > 1)',
  { file: 'test' },
);

/** The first bad state after a good one, and the first good one after that. */
function firstOf(bad: readonly boolean[]) {
  const event = bad.indexOf(true);
  const healed = bad.findIndex((is, n) => n > event && !is);
  if (event < 0) return { kind: 'holds' };
  return { kind: 'found', event, lastGood: event - 1, healed: healed < 0 ? null : healed };
}

describe(`over ${TRACES} traces with 0 to 3 planted faults`, () => {
  it('each search says what a linear scan says', async () => {
    let found = 0;
    let healed = 0;
    const property = fc.asyncProperty(aPlanted, async ({ run, faults }) => {
      const trace = planted(run, faults);
      const bad = scanned(trace);
      const wanted = firstOf(bad);
      expect(scanStates(trace, OVERUSED)).toMatchObject(firstOf(isOverused(trace)));
      const { healed: heals, ...rest } = wanted;
      expect(firstViolation(trace, { invariant: balance })).toMatchObject(rest);
      if (wanted.kind === 'holds') return;
      found += 1;
      if (heals !== null) healed += 1;
      // A search that looks at few states finds it where nothing heals, and else a change that is one.
      const judge = async (count: number) => (count > 0 && bad[count - 1] ? 'bad' : 'good');
      const searched = await searchPrefixes(bad.length, { judge });
      if (heals === null) expect(searched).toMatchObject(rest);
      else if (searched.kind === 'found') {
        expect(bad[searched.event]).toBe(true);
        expect(bad[searched.event - 1] ?? false).toBe(false);
      } else expect(bad.at(-1)).toBe(false);
    });
    await fc.assert(property, { numRuns: TRACES });
    expect(found).toBeGreaterThan(TRACES / 4);
    expect(healed).toBeGreaterThan(TRACES / 20);
  });
});
