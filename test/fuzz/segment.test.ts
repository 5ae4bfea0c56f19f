// Goal: runs depend on the campaign's seed, their number and those before them in their segment alone,
// and what they reach and break is told.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCoverage } from '../../src/fuzz/coverage.ts';
import { bugOf, examine } from '../../src/fuzz/finding.ts';
import { type Plan, SEGMENT_RUNS, strategyOf } from '../../src/fuzz/plan.ts';
import { seedOfRun } from '../../src/fuzz/seeds.ts';
import { runSegment } from '../../src/fuzz/segment.ts';
import { unmet } from '../../src/fuzz/sometimes.ts';
import { SOMETIMES } from '../../src/fuzz/sometimes-table.ts';
import { createSource } from '../../src/fuzz/source.ts';
import { keyOfError } from '../../src/fuzz/trouble.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { checkTrace } from '../../src/invariants/checker.ts';
import { judgeExpectations } from '../../src/report/expectations.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

function scenarioNamed(name: string) {
  const text = readFileSync(`scenarios/${name}.yaml`, 'utf8');
  const { kernel, machine, steps, choices } = parseScenario(text, name, driverKnowledge);
  return { kernel, machine, stimuli: steps, choices };
}

const base = scenarioNamed('test-remove-leaves-owner_cnt');
const LEAK: Plan = { seed: 5, base, kernel: {}, strategy: 'mixed' };
const ANY: Plan = { seed: 5, base: null, kernel: {}, strategy: 'mixed' };
const RUNS = 40;

describe('a segment', () => {
  it('finds what the scenario that it varies shows', () => {
    const { sightings, runs } = runSegment(LEAK, { segment: 0, runs: RUNS });
    expect(runs).toBe(RUNS);
    const keys = sightings.map(({ key }) => key);
    const way = 'owner_cnt of group N is N with N devices in use';
    expect(keys).toContain(`["owner_cnt-matches-users","group","test_remove","${way}"]`);
  });

  it.each([
    ['of a scenario', LEAK],
    ['of invented machines', ANY],
  ])('%s begins with what fewer runs give', (_, plan) => {
    const whole = runSegment(plan, { segment: 3, runs: RUNS });
    const few = runSegment(plan, { segment: 3, runs: RUNS / 2 });
    const first = 3 * SEGMENT_RUNS;
    expect(whole.points.slice(0, few.points.length)).toEqual(few.points);
    const early = whole.sightings.filter(({ run }) => run < first + RUNS / 2);
    expect(early.map(({ key, run, trouble }) => [key, run, trouble])).toEqual(
      few.sightings.map(({ key, run, trouble }) => [key, run, trouble]),
    );
    let asked = 0;
    const stop = () => ++asked === RUNS / 2;
    expect(runSegment(plan, { segment: 3, runs: RUNS }, { stop })).toEqual(few);
  });

  it('makes at least one run, and leaves out the inputs that nobody wants', () => {
    const piece = { segment: 0, runs: RUNS };
    expect(runSegment(LEAK, piece, { stop: () => true }).runs).toBe(1);
    const all = runSegment(LEAK, piece).sightings;
    const closed = new Set(all.slice(0, 1).map(({ key }) => key));
    const open = runSegment(LEAK, piece, { closed }).sightings;
    expect(open.map(({ trouble: _, ...told }) => told)).toEqual(
      all.map(({ trouble: _, ...told }) => told),
    );
    expect(open[0]).not.toHaveProperty('trouble');
    expect(open.slice(1)).toEqual(all.slice(1));
  });

  it('gives inputs that show the same again, with the choices that were made', () => {
    const { sightings } = runSegment(ANY, { segment: 0, runs: RUNS });
    expect(sightings).not.toEqual([]);
    for (const { trouble } of sightings) {
      if (trouble?.cause.kind !== 'violation') continue;
      const { invariant, subject } = trouble.cause;
      const { violations } = runChecked(trouble.inputs);
      expect(violations).toContainEqual(expect.objectContaining({ invariant, subject }));
    }
  });
});

describe('a run', () => {
  it('has a seed that no other one has', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), fc.nat(2 ** 40), (seed, run) => {
        const seeds = Array.from({ length: 200 }, (_, i) => seedOfRun(seed, run + i));
        expect(new Set(seeds).size).toBe(200);
        expect(seeds.every(Number.isSafeInteger)).toBe(true);
        expect(seedOfRun((seed + 1) % 2 ** 32, run)).not.toBe(seeds[0]);
      }),
    );
  });

  it('keeps the kernel that was asked for', () => {
    const kernel = { version: '6.1', patches: { fw_parse_at_add: true }, config: { MODULES: 'n' } };
    const source = createSource({ ...ANY, kernel });
    for (let run = 0; run < 20; run += 1)
      expect(source(run, []).inputs.kernel).toMatchObject(kernel);
  });

  it('varies the corpus half of the time', () => {
    const source = createSource(ANY);
    const known = source(0, []).inputs;
    const names = (run: number) => source(run, [known]).inputs.machine.devices.length;
    const plain = (run: number) => source(run, []).inputs.machine.devices.length;
    const runs = Array.from({ length: 60 }, (_, run) => run);
    const changed = runs.filter((run) => names(run) !== plain(run)).length;
    expect(changed).toBeGreaterThan(10);
    expect(changed).toBeLessThan(50);
  });
});

describe('a finding', () => {
  const [first] = runSegment(LEAK, { segment: 0, runs: RUNS }).sightings.filter(({ key }) =>
    key.includes('test_remove'),
  );
  const trouble = first?.trouble;
  if (trouble === undefined) throw new Error('the leak is found');
  const finding = examine(trouble, { seed: 5, run: 3 });

  it('says what broke, what fixes it, and runs green as a scenario', () => {
    expect(finding).toMatchObject({ shows: true, subjectKind: 'group', stimuli: 1 });
    expect(finding.fixes[0]).toBe('test_remove_dma_cleanup');
    const scenario = parseScenario(finding.text, 'finding.yaml', driverKnowledge);
    const inputs = { ...scenario, stimuli: scenario.steps };
    const { run, violations } = runChecked(inputs);
    const trace = run.trace();
    expect(checkTrace(trace.header, trace.events)).toEqual(violations);
    const judged = judgeExpectations(scenario, 'finding.yaml', trace, violations);
    expect(judged.map(({ ok }) => ok)).toEqual([true]);
    const same = violations.find(({ invariant }) => invariant === finding.invariant);
    expect(same?.event).toBe(finding.firstBad);
  });

  it('is one with others that the same patch fixes, and else with those of its path', () => {
    const other = { ...finding, signature: 'x', stack: ['elsewhere'] };
    expect(bugOf(other)).toBe(bugOf(finding));
    expect(bugOf({ ...other, fixes: [] })).not.toBe(bugOf({ ...finding, fixes: [] }));
    expect(bugOf({ ...finding, subjectKind: 'device' })).not.toBe(bugOf(finding));
  });

  it('is also made of a model that breaks, and of what cannot be looked into', () => {
    const cause = { kind: 'model error', message: 'group 7 is gone' } as const;
    const broken = examine({ ...trouble, cause }, { seed: 5, run: 3 });
    expect(broken).toMatchObject({ invariant: 'model error', firstBad: null });
    expect(parseScenario(broken.text, 'x.yaml', driverKnowledge).steps).toEqual(
      trouble.inputs.stimuli,
    );
    const unseen = { kind: 'violation', invariant: 'INV-GRP', subject: 'nobody' } as const;
    const lost = examine({ ...trouble, cause: unseen }, { seed: 5, run: 3 });
    expect(lost.message).toMatch(/^INV-GRP of nobody cannot be looked into/);
  });

  it('of a model error is known by its words, not by names and numbers', () => {
    expect(keyOfError("choice 3 among 2 tasks of '0000:01:00.0'")).toBe(
      keyOfError("choice 4 among 3 tasks of 'card'"),
    );
    expect(keyOfError('a lock')).not.toBe(keyOfError('a list'));
  });
});

describe('coverage', () => {
  it('has calls, events, returned values, watch points and what was met, each once', () => {
    const coverage = createCoverage();
    const watch = coverage.watchRun();
    runChecked(base, { onEvent: (recorded, _, state) => watch(recorded, state) });
    expect([...coverage.points]).toEqual(
      expect.arrayContaining([
        'call __driver_probe_device>really_probe',
        'call user space>do_initcalls',
        'event really_probe: probe.started>dma.configured',
        'ret really_probe: dma.configured 0',
        'watch INV-OWN owner.used',
        'sometimes bound',
      ]),
    );
    const again = coverage.watchRun();
    const before = coverage.points.size;
    runChecked(base, { onEvent: (recorded, _, state) => again(recorded, state) });
    expect(coverage.points.size).toBe(before);
  });

  it('asks of a machine what can happen on it, and never for what breaks an invariant', () => {
    expect(unmet(new Set(), base.machine).map(({ id }) => id)).toEqual(
      expect.arrayContaining(['bound', 'claimed', 'grouped']),
    );
    const empty = { ...base.machine, devices: [], drivers: [], modules: [] };
    expect(unmet(new Set(), empty)).toEqual([]);
    expect(unmet(new Set(), null)).toHaveLength(SOMETIMES.length - 1);
    expect(unmet(new Set(SOMETIMES.map(({ id }) => `sometimes ${id}`)), null)).toEqual([]);
  });

  it('meets every situation within a few segments of invented machines', () => {
    const points = [0, 1, 2, 3, 4].flatMap((segment) => [
      ...runSegment(ANY, { segment, runs: SEGMENT_RUNS }).points,
    ]);
    expect(unmet(new Set(points), null)).toEqual([]);
  });
});

it.each(['dfs', 'por', 'dfs:bound=2', 'chance'])('%s is no strategy of a campaign', (text) => {
  expect(() => strategyOf(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});
