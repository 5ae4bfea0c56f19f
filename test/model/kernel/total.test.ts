// Goal: whatever is done to any machine, in any order, under any kernel, the emulator goes on: it
// never throws, never runs for ever, and no task waits for another in a circle. Method: random steps
// with names from the scenarios' machines, random patches, random schedules.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import type { Kernel } from '../../../src/model/context.ts';
import { specsByName, streamsOfSpec } from '../../../src/model/firmware/streams-of-spec.ts';
import { overlaps } from '../../../src/model/hardware/streams.ts';
import { maskedIds } from '../../../src/model/kernel/arm-smmu-sme.ts';
import { reservedRegions } from '../../../src/model/kernel/reserved-regions.ts';
import { aCaseOf, type Case, scenarios } from '../any-steps.ts';

const withSmmuV2 = scenarios.filter((file) =>
  readFileSync(`scenarios/${file}`, 'utf8').includes('{ ID0: '),
);
const EVENTS_MAX = 50_000;
const aCase = aCaseOf(scenarios);

function runCase({ system, steps, dice }: Case) {
  let thrown = 0;
  return runAll(system, steps, {
    eventsMax: EVENTS_MAX,
    choose: (runnable) => (dice[thrown++] ?? 0) % runnable.length,
  });
}

/** Stream ids with a range that firmware wants mapped 1:1: the driver may count them for itself. */
function reservedIds(k: Kernel, iommu: string): readonly number[] {
  const byName = specsByName(k.machine.devices);
  return k.machine.devices
    .filter((spec) => reservedRegions(k, spec).some(({ via }) => via === 'rmr'))
    .flatMap((spec) => streamsOfSpec(spec, byName))
    .flatMap((stream) => (stream.iommu === iommu ? stream.id : []));
}

/** Entries that are not counted once per stream id that devices use, nor once more for a reserved one. */
function miscounted(k: Kernel): readonly string[] {
  return Object.entries(k.state.smmus).flatMap(([iommu, { features, entries }]) => {
    if (features === null || k.state.devices[iommu]?.spec.iommu_kind !== 'arm-smmu') return [];
    const users = Object.values(k.state.devices).filter((device) => device.iommu === iommu);
    return Object.values(entries).flatMap((entry) => {
      const own = users.flatMap(({ name }) =>
        maskedIds(k, name, iommu).filter(({ id }) => overlaps(entry, id, 0)),
      );
      const isReserved = reservedIds(k, iommu).some((id) => overlaps(entry, id, 0));
      const isRight = own.length === entry.count || (isReserved && own.length === entry.count - 1);
      return isRight ? [] : [`${iommu} ${entry.id}: ${entry.count}`];
    });
  });
}

describe('any steps on any machine', () => {
  it('come to an end, and no task is left waiting but after a crash', () => {
    fc.assert(
      fc.property(aCase, (one) => {
        const run = runCase(one);
        if (run.state.oops !== null) return;
        for (const n of one.steps.keys())
          expect(run.scheduler.endOf(run.taskOf(n)).kind, `step ${n + 1}`).toBe('returned');
      }),
      { numRuns: 500 },
    );
  }, 60_000);

  it('leave an entry of an SMMU v2 to those who use it, and none to nobody', () => {
    fc.assert(
      fc.property(aCaseOf(withSmmuV2), (one) => {
        // As releases are: without the patch that tells the core of removals an entry does stay.
        const kernel = { ...one.system.kernel, patches: {} };
        const run = runCase({ ...one, system: { ...one.system, kernel } });
        if (run.state.oops === null) expect(miscounted(run.kernel)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it('run the same again with the choices that were made', () => {
    fc.assert(
      fc.property(aCase, (one) => {
        const { header, events } = runCase(one).trace();
        const again = runAll(one.system, header.stimuli, { choices: header.choices }).trace();
        expect(again.events).toEqual(events);
        expect(again.header.choices).toEqual(header.choices);
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});
