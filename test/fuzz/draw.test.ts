import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/events/canonical.ts';
import type { Inputs } from '../../src/events/trace.ts';
import { ANY_RELEASE, type KernelChoice } from '../../src/fuzz/any-kernel.ts';
import { createDraw, SIZE_MAX, sizeOfRun, someInputs } from '../../src/fuzz/draw.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { printScenario } from '../../src/scenario/print.ts';
import type { Scenario } from '../../src/scenario/scenario.ts';

const ANY: KernelChoice = { version: null, config: null, cmdline: null, patches: null };
const EVENTS_MAX = 200_000;

function inputsOf(file: string): Inputs {
  const { kernel, machine, steps, choices } = parseScenario(
    readFileSync(`scenarios/${file}.yaml`, 'utf8'),
    file,
    driverKnowledge,
  );
  return { kernel, machine, stimuli: steps, choices };
}

const scenarioOf = ({ stimuli, ...inputs }: Inputs): Scenario => ({
  ...{ name: 'drawn', title: '', story: '' },
  ...{ ...inputs, steps: stimuli, expect: [] },
});

const draws = {
  invented: someInputs({ from: null, kernel: ANY }),
  perturbed: someInputs({ from: inputsOf('test-remove-leaves-owner_cnt'), kernel: ANY }),
};

describe('a draw', () => {
  it('is that of its seed and size, whatever was drawn before', () => {
    const one = createDraw({ from: null, kernel: ANY_RELEASE });
    const other = createDraw({ from: null, kernel: ANY_RELEASE });
    for (let seed = 0; seed < 50; seed += 1) other(seed, 3);
    const found = [7, 7 + 2 ** 32, 2 ** 53 - 1, -3].map((seed) => canonicalJson(one(seed, 4)));
    expect([7, 7 + 2 ** 32, 2 ** 53 - 1, -3].map((seed) => canonicalJson(other(seed, 4)))).toEqual(
      found,
    );
    expect(new Set(found).size).toBe(found.length);
  });

  it('keeps what is given of the kernel', () => {
    const config = { DEBUG_TEST_DRIVER_REMOVE: 'y' };
    const kernel = { version: '6.12', config, cmdline: 'quiet', patches: { iort_rmr: false } };
    for (const from of [null, inputsOf('two-functions-share-a-group')])
      expect(createDraw({ from, kernel })(5).kernel).toEqual({ ...kernel, release: null });
  });

  it('leaves the devices of given inputs as they are where only orders change', () => {
    const from = inputsOf('two-functions-share-a-group');
    const draw = createDraw({ from, kernel: ANY_RELEASE });
    const kept = Array.from({ length: 200 }, (_, seed) => draw(seed).machine.devices);
    expect(kept.filter((devices) => devices === from.machine.devices).length).toBeGreaterThan(150);
    const all = Array.from({ length: 200 }, (_, seed) => canonicalJson(draw(seed)));
    expect(new Set(all).size).toBeGreaterThan(150);
  });

  it('is small first', () => {
    const draw = createDraw({ from: null, kernel: ANY_RELEASE });
    const devices = (size: number) =>
      Array.from({ length: 100 }, (_, seed) => draw(seed, size).machine.devices.length);
    expect(Math.max(...devices(1))).toBeLessThan(12);
    expect(Math.max(...devices(SIZE_MAX))).toBeGreaterThan(20);
    expect([0, 1, 2].map(sizeOfRun)).toEqual([1, 1, 1]);
    const sizes = Array.from({ length: 2000 }, (_, n) => sizeOfRun(n));
    expect(Math.max(...sizes)).toBe(SIZE_MAX);
  });
});

describe.each(Object.entries(draws))('%s inputs', (_, arbitrary) => {
  it('are a scenario that is read as it is printed', () => {
    fc.assert(
      fc.property(arbitrary, (inputs) => {
        const scenario = scenarioOf(inputs);
        const parsed = parseScenario(printScenario(scenario), 'drawn.yaml');
        const { stepLines, expectLines, ...same } = parsed;
        expect(same).toEqual(scenario);
        expect([stepLines.length, expectLines.length]).toEqual([inputs.stimuli.length, 0]);
      }),
      { numRuns: 1000 },
    );
  }, 60_000);

  it('run to their end, each time with the same events', () => {
    fc.assert(
      fc.property(arbitrary, (inputs) => {
        const { run, violations } = runChecked(inputs, { eventsMax: EVENTS_MAX });
        const again = runChecked(inputs, { eventsMax: EVENTS_MAX });
        expect(again.violations).toEqual(violations);
        expect(again.run.trace().events.length).toBe(run.trace().events.length);
      }),
      { numRuns: 1000 },
    );
  }, 60_000);
});

describe('shrinking', () => {
  it('gets small inputs of the same kind', () => {
    const hasHeld = ({ stimuli }: Inputs) =>
      stimuli.some((step) => step.do === 'vfio' && step.hold !== null);
    const { counterexample } = fc.check(
      fc.property(draws.invented, (inputs) => !hasHeld(inputs)),
      { numRuns: 500, seed: 1 },
    );
    const [found] = counterexample ?? [];
    expect(found !== undefined && hasHeld(found)).toBe(true);
    expect(found?.stimuli.length).toBeLessThan(9);
    expect(found?.machine.devices.length).toBeLessThan(5);
  });
});
