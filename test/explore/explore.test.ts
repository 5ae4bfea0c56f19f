import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Stimulus } from '../../src/events/stimulus.ts';
import type { Inputs } from '../../src/events/trace.ts';
import { estimateSchedules } from '../../src/explore/estimate.ts';
import { type Exploration, type ExploreOptions, explore } from '../../src/explore/explore.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { readScenarioFile } from './scenario-file.ts';
import { type AllOutcomes, aSmallSystem, bruteForce } from './systems.ts';

const POR: ExploreOptions = { strategy: { kind: 'por' } };
const DFS: ExploreOptions = { strategy: { kind: 'dfs', bound: null } };

function exploreAll(inputs: Inputs, options: ExploreOptions): Exploration {
  const walks = explore(inputs, options);
  let step = walks.next();
  while (step.done !== true) step = walks.next();
  return step.value;
}

/** What brute force and an exploration are to have in common. */
function outcomesOf({ finals, found }: Exploration): Omit<AllOutcomes, 'schedules'> {
  const violations = found.map(({ violation }) => `${violation.invariant} ${violation.subject}`);
  return { finals, violations: new Set(violations) };
}

/** Small systems with all that their schedules come to; those with too many are left out. */
function solved(count: number, most: number, seed: number) {
  return fc.sample(aSmallSystem, { numRuns: count, seed }).flatMap((inputs) => {
    const all = bruteForce(inputs, most);
    return all === null ? [] : [{ inputs, all }];
  });
}

/** How many systems are drawn; a night can try thousands. Most have few enough schedules. */
const SYSTEMS = Number(process.env['SYSTEMS'] ?? 160);

const HOURS = 36_000_000;

const RACE = 'scenarios/two-drivers-are-bound-to-one-card-at-once.yaml';

describe('an exploration', () => {
  it('finds both ends of a race, and the choices that lead to each', () => {
    const inputs = readScenarioFile(RACE);
    const result = exploreAll(inputs, POR);
    expect(result).toMatchObject({ isComplete: true, bounded: null, found: [] });
    expect(result.finals.size).toBe(2);
    expect(result.walked).toBeLessThan(40);
  });

  it('finds what some of very many schedules break, and the choices that break it again', () => {
    const inputs = readScenarioFile('scenarios/driver-waits-for-the-default-domain.yaml');
    expect(estimateSchedules(inputs, 50, 1).log10).toBeGreaterThan(12);
    const { found, isComplete } = exploreAll(inputs, { ...POR, schedulesMax: 150 });
    expect(isComplete).toBe(false);
    expect(found.length).toBeGreaterThan(1);
    for (const { violation, choices } of found) {
      const { invariant, subject } = violation;
      const again = runChecked({ ...inputs, choices }).violations;
      expect(again).toContainEqual(expect.objectContaining({ invariant, subject }));
    }
  });

  it('ends where it is told to, and says so', () => {
    const inputs = readScenarioFile(RACE);
    expect(exploreAll(inputs, { ...POR, schedulesMax: 3 })).toMatchObject({
      ...{ isComplete: false, bounded: 'schedules', walked: 3 },
    });
    const walks = explore(inputs, POR);
    walks.next();
    const ended = walks.next('interrupted');
    expect(ended.value).toMatchObject({ isComplete: false, bounded: 'interrupted' });
  });

  it('counts preemptions: with none of them tasks take turns where they wait or end', () => {
    const note = (text: string) => ({ do: 'note', text }) as const;
    const together: Stimulus = { do: 'together', steps: [note('a'), note('b'), note('c')] };
    const inputs = { ...readScenarioFile(RACE), stimuli: [together] };
    for (const bound of [0, null]) {
      const result = exploreAll(inputs, { strategy: { kind: 'dfs', bound } });
      expect(result).toMatchObject({ isComplete: true, walked: 6, schedules: 6 });
    }
    const twice = [{ do: 'drivers_autoprobe', bus: 'x', on: true } as const, note('b')];
    const steps: Stimulus = { do: 'together', steps: twice };
    const counts = [0, 1, null].map((bound) =>
      exploreAll({ ...inputs, stimuli: [steps] }, { strategy: { kind: 'dfs', bound } }),
    );
    // The first has two steps, the second has one: before, after, or with a preemption between.
    expect(counts.map(({ walked }) => walked)).toEqual([2, 3, 3]);
    expect(counts.map(({ bounded }) => bounded)).toEqual(['preemptions', null, null]);
  });
});

describe('reduction', () => {
  const systems = solved(SYSTEMS, 120, 20261121);

  it('has enough to be tested on', () => {
    expect(systems.length).toBeGreaterThan(20);
    expect(systems.filter(({ all }) => all.finals.size > 1).length).toBeGreaterThan(0);
    expect(systems.filter(({ all }) => all.violations.size > 0).length).toBeGreaterThan(0);
  });

  it(
    'comes to the same ends and violations as every schedule run',
    () => {
      let [walked, schedules] = [0, 0];
      for (const { inputs, all } of systems) {
        const result = exploreAll(inputs, POR);
        const { finals, violations } = all;
        expect(outcomesOf(result), JSON.stringify(inputs)).toEqual({ finals, violations });
        expect(result.isComplete).toBe(true);
        walked += result.walked;
        schedules += all.schedules;
      }
      expect(walked * 3).toBeLessThan(schedules);
    },
    HOURS,
  );

  it('comes to the same as going on from every state once, which meets no fewer states', () => {
    for (const { inputs, all } of systems.slice(0, 15)) {
      const every = exploreAll(inputs, { ...DFS, isOncePerState: true });
      const { finals, violations } = all;
      expect(outcomesOf(every)).toEqual({ finals, violations });
      expect(exploreAll(inputs, POR).states).toBeLessThanOrEqual(every.states);
    }
  });

  it.each([
    ['what is written to devices', /^devices\./],
    ['everything', /^/],
  ])('would miss some, or notice, were it blind to %s', (_, blind) => {
    const isBlindTo = (name: string) => blind.test(name);
    const isMissed = ({ inputs, all }: (typeof systems)[number]): boolean => {
      try {
        const { finals, violations } = outcomesOf(exploreAll(inputs, { ...POR, isBlindTo }));
        return finals.size !== all.finals.size || violations.size !== all.violations.size;
      } catch {
        return true;
      }
    };
    expect(systems.some(isMissed)).toBe(true);
  });
});

describe('the estimate of all schedules', () => {
  it('is right on the average', () => {
    const some = solved(20, 100, 7);
    const [all, estimated] = some.reduce<readonly [number, number]>(
      ([sum, guess], { inputs, all }) => [
        sum + all.schedules,
        guess + estimateSchedules(inputs, 200, 3).mean,
      ],
      [0, 0],
    );
    expect(estimated / all).toBeGreaterThan(0.8);
    expect(estimated / all).toBeLessThan(1.25);
  });
});
