import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/events/canonical.ts';
import type { Inputs } from '../../src/events/trace.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { attempt } from '../../src/minimize/attempt.ts';
import {
  type Minimized,
  minimize,
  minimizeElsewhere,
  minimizeInteresting,
} from '../../src/minimize/minimize.ts';
import { allParts } from '../../src/minimize/part.ts';
import { type Target, trial } from '../../src/minimize/trial.ts';
import { without } from '../../src/minimize/without.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { printScenario } from '../../src/scenario/print.ts';
import { aCaseOf, scenarios } from '../model/any-steps.ts';
import { BUGS, breaks, bugNamed, wantedOf } from './bugs.ts';

const LEAK = bugNamed('test-remove-leaves-owner_cnt');

/** What can still be left out or made simpler, one thing at a time, with the violation staying. */
function leftToDo({ inputs, violation }: Minimized): readonly unknown[] {
  const { kernel, machine, stimuli, choices } = inputs;
  const { invariant, subject } = violation;
  const found = attempt(
    {
      ...{ kernel, machine, schedule: { kind: 'choices', choices } },
      steps: stimuli.map((stimulus) => ({ stimulus, groupOf: [null] })),
    },
    wantedOf({ invariant, subject }),
  );
  if (found === null) return ['the violation itself is not there'];
  return allParts(found.draft).filter((part) => {
    const draft = without(found.draft, [part]);
    const claim = { invariant, at: null };
    return draft !== null && trial({ draft, subject: found.subject }, claim) !== null;
  });
}

const textOf = ({ kernel, machine, stimuli, choices }: Inputs): string =>
  printScenario(
    { name: 'a', title: '', story: '', kernel, machine, steps: stimuli, choices, expect: [] },
    driverKnowledge,
  );

describe('minimize', () => {
  it('leaves of a leak what leaks', () => {
    const { inputs, violation } = minimize(LEAK.inputs, LEAK.target);
    expect(inputs.stimuli).toEqual([{ do: 'boot' }]);
    expect(inputs.kernel).toMatchObject({
      version: '6.1',
      config: { DEBUG_TEST_DRIVER_REMOVE: 'y' },
      patches: { test_remove_dma_cleanup: false },
    });
    expect(inputs.machine.drivers.map(({ name }) => name)).toEqual([
      'arm-smmu-v3',
      'pci-host-generic',
      'driver0',
    ]);
    expect(inputs.machine.modules).toEqual([]);
    expect(violation.invariant).toBe(LEAK.target.invariant);
  });

  it('tells what things were called', () => {
    const { was } = minimize(LEAK.inputs, LEAK.target);
    expect(was.driver.get('driver0')).toBe('e1000e');
    expect([...was.device.values()]).toContain('9050000.smmuv3');
  });

  it('keeps the kernel function of the bad event where it is asked to', () => {
    const { inputs, target } = bugNamed('platform-bus-misreads-amba-drivers');
    const last = { ...inputs, stimuli: inputs.stimuli.slice(0, 2) };
    const first = runChecked(last).violations[0];
    const { violation } = minimize(last, target, { sameFunction: true });
    expect(violation.stack.at(-1)).toBe(first?.stack.at(-1));
  });

  it('says when there is nothing to keep', () => {
    const { inputs } = LEAK;
    const healed = { ...inputs, kernel: { ...inputs.kernel, patches: {} } };
    expect(() => minimize(healed, LEAK.target)).toThrow(/do not break dma_cleanup-balances/);
    expect(() => minimize(inputs, { invariant: 'nonsense', subject: null })).toThrow(/nonsense/);
  });

  it.each(BUGS)('leaves nothing that could be left out of $name', ({ inputs, target }) => {
    const found = minimize(inputs, target);
    expect(leftToDo(found)).toEqual([]);
    expect(breaks(found.inputs, found.violation)).toBe(true);
    expect(minimize(found.inputs, { ...found.violation }).signature).toEqual(found.signature);
    const { kernel, machine, steps, choices } = parseScenario(
      textOf(found.inputs),
      'a.yaml',
      driverKnowledge,
    );
    expect(canonicalJson({ kernel, machine, stimuli: steps, choices })).toBe(
      canonicalJson(found.inputs),
    );
  });

  it('does so whatever is broken', () => {
    const property = fc.property(aCaseOf(scenarios), ({ system, steps, dice }) => {
      const inputs = { ...system, stimuli: steps, choices: dice };
      const target: Target | undefined = runChecked(inputs).violations[0];
      fc.pre(target !== undefined);
      const found = minimize(inputs, target);
      expect(leftToDo(found)).toEqual([]);
      expect(breaks(found.inputs, found.violation)).toBe(true);
      expect(minimize(inputs, target)).toEqual(found);
    });
    fc.assert(property, { numRuns: 25 });
  });
});

describe('judged elsewhere', () => {
  const { inputs, target } = bugNamed('unbind-without-dma_cleanup-keeps-the-count');
  const here = minimize(inputs, target);

  it.each([1, 2, 7])('is the same with %i at once', async (width) => {
    let under = 0;
    let most = 0;
    const found = await minimizeElsewhere(
      inputs,
      target,
      async (candidate, claim) => {
        under += 1;
        most = Math.max(most, under);
        await new Promise((resolve) => setImmediate(resolve));
        under -= 1;
        return trial(candidate, claim) !== null;
      },
      { width },
    );
    expect(found).toEqual(here);
    expect(most).toBe(width);
  });

  it('keeps what somebody finds interesting, for whatever reason', async () => {
    const isInteresting = async ({ stimuli, machine }: Inputs) =>
      stimuli.some((one) => one.do === 'modprobe') && machine.devices.length > 1;
    const found = await minimizeInteresting(inputs, isInteresting);
    expect(found?.inputs.stimuli).toHaveLength(1);
    expect(found?.inputs.machine.devices).toHaveLength(2);
    expect(found?.inputs.machine.drivers).toEqual([]);
    expect(await minimizeInteresting(inputs, async () => false)).toBeNull();
  });

  it('ends with the error of the judge', async () => {
    const fails = async () => Promise.reject(new Error('no answer'));
    await expect(minimizeElsewhere(inputs, target, fails, { width: 3 })).rejects.toThrow(
      'no answer',
    );
  });
});
