import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeEdit,
  editExpectations,
  editSteps,
  runSteps,
  type StepEdit,
  stepsOf,
} from '../../src/bisect/edit.ts';
import { rerunTrace } from '../../src/bisect/rerun.ts';
import type { Stimulus } from '../../src/events/stimulus.ts';
import type { Expectation } from '../../src/scenario/scenario.ts';
import { ASSIGN_NIC, aRun, NIC, traceOf } from '../model/small-machine.ts';

const NOTE: Stimulus = { do: 'note', text: 'new' };
const steps = ASSIGN_NIC.map((stimulus) => ({ stimulus, choices: [] }));
const edited = (edit: StepEdit) => editSteps(steps, edit).map(({ stimulus }) => stimulus);

describe('editSteps', () => {
  it('counts from 1', () => {
    expect(edited({ kind: 'without', step: 1 })).toEqual(ASSIGN_NIC.slice(1));
    expect(edited({ kind: 'add', step: 1, stimulus: NOTE })).toEqual([NOTE, ...ASSIGN_NIC]);
    const end = ASSIGN_NIC.length + 1;
    expect(edited({ kind: 'add', step: end, stimulus: NOTE })).toEqual([...ASSIGN_NIC, NOTE]);
  });

  it('moves a step to the place that is said, forwards and backwards', () => {
    const [first, second, third] = ASSIGN_NIC;
    expect(edited({ kind: 'move', step: 3, to: 1 }).slice(0, 3)).toEqual([third, first, second]);
    expect(edited({ kind: 'move', step: 1, to: 3 }).slice(0, 3)).toEqual([second, third, first]);
  });

  it('is told in words', () => {
    expect(describeEdit({ kind: 'without', step: 2 }, ASSIGN_NIC)).toBe(
      'without step 2, modprobe vfio-pci',
    );
    expect(describeEdit({ kind: 'add', step: 1, stimulus: NOTE }, ASSIGN_NIC)).toBe(
      'new step 1, new',
    );
  });
});

describe('runSteps', () => {
  it('makes the same run of steps that were not edited, whoever had his turn', () => {
    const property = fc.property(aRun, (run) => {
      const trace = traceOf(run);
      const { header } = trace;
      expect(runSteps(header, stepsOf(header), null)).toEqual(trace);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('keeps the turns of the other steps where one is left out that has some', () => {
    const property = fc.property(aRun, (run) => {
      const { header } = traceOf(run);
      const own = stepsOf(header);
      // What comes before the step that is left out is as it was.
      const last = runSteps(header, editSteps(own, { kind: 'without', step: own.length }), null);
      const whole = rerunTrace({ header, events: [] }, {});
      expect(whole.events.slice(0, last.events.length)).toEqual(last.events);
    });
    fc.assert(property, { numRuns: 30 });
  });
});

describe('editExpectations', () => {
  const aStep = fc.integer({ min: 1, max: ASSIGN_NIC.length });
  const anEdit = fc.oneof(
    aStep.map((step): StepEdit => ({ kind: 'without', step })),
    fc.tuple(aStep, aStep).map(([step, to]): StepEdit => ({ kind: 'move', step, to })),
    aStep.map((step): StepEdit => ({ kind: 'add', step, stimulus: NOTE })),
  );

  it('goes on to speak of the same step', () => {
    const property = fc.property(anEdit, (edit) => {
      const expectations = ASSIGN_NIC.map(
        (_, i): Expectation => ({ kind: 'returns', step: i + 1, ret: i }),
      );
      const counted = editExpectations(expectations, edit, ASSIGN_NIC.length);
      expect(counted).toHaveLength(ASSIGN_NIC.length - (edit.kind === 'without' ? 1 : 0));
      for (const one of counted) {
        if (one.kind !== 'returns') throw new Error('they all are');
        expect(edited(edit)[one.step - 1]).toBe(ASSIGN_NIC[one.ret]);
      }
    });
    fc.assert(property);
  });

  it('leaves those alone that speak of the end', () => {
    const end: Expectation = { kind: 'driver', dev: NIC, is: null, after: null };
    expect(editExpectations([end], { kind: 'without', step: 1 }, 3)).toEqual([end]);
  });
});
