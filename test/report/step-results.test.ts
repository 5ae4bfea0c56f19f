import { describe, expect, it } from 'vitest';
import type { Stimulus } from '../../src/events/stimulus.ts';
import { describeSurprise, stepResults, surprisingSteps } from '../../src/report/step-results.ts';
import type { Expectation, ParsedScenario } from '../../src/scenario/scenario.ts';
import {
  ASSIGN_NIC,
  BOOT,
  kernel,
  leakyTrace,
  NIC,
  runSmall,
  smallMachine,
  UNBIND_NIC,
} from '../model/small-machine.ts';

function surprises(steps: readonly Stimulus[], expect: readonly Expectation[] = []) {
  const scenario: ParsedScenario = {
    ...{ name: 'a', title: '', story: '', kernel: kernel(), machine: smallMachine() },
    ...{ steps, choices: [], expect, stepLines: steps.map((_, i) => i + 10), expectLines: [] },
  };
  return surprisingSteps(scenario, stepResults(runSmall(steps).trace()));
}

describe('results of steps', () => {
  it('are the first call that failed, at its event', () => {
    const trace = leakyTrace();
    const results = stepResults(trace);
    expect(results.map(({ ret }) => ret)).toEqual([0, 0, 0, 0, 0, -1]);
    expect(results.map(({ step }) => step)).toEqual(ASSIGN_NIC.map((_, i) => i + 1));
    const last = results.at(-1);
    expect(trace.events[last?.event ?? -1]?.event).toMatchObject({
      ...{ type: 'syscall.returned', ret: -1 },
    });
    expect(last?.did).toBe(`VFIO user opens group 1 for ${NIC}`);
  });

  it('are one for steps at once, the first that failed', () => {
    const both: Stimulus = { do: 'together', steps: [UNBIND_NIC, UNBIND_NIC] };
    const trace = runSmall([BOOT, both, { do: 'note', text: 'x' }]).trace();
    const results = stepResults(trace);
    expect(results.map(({ ret }) => ret)).toEqual([0, -19, 0]);
    expect(results[1]?.did.match(/unbind/g)).toHaveLength(2);
    expect(trace.events[results[1]?.event ?? -1]?.task).toBe('sh-1.1');
    const calls: Stimulus = { do: 'together', steps: [{ do: 'note', text: 'y' }, UNBIND_NIC] };
    expect(stepResults(runSmall([BOOT, calls]).trace())[1]?.ret).toBe(0);
  });

  it('are none without steps', () => {
    expect(stepResults(runSmall([]).trace())).toEqual([]);
  });
});

describe('surprising steps', () => {
  const typo: Stimulus = { do: 'unbind', bus: 'pci', drv: 'e1000e', dev: '0000:01:00.7' };

  it('are those that failed and were not expected to', () => {
    expect(surprises([BOOT, UNBIND_NIC])).toEqual([]);
    const again = surprises([BOOT, UNBIND_NIC, UNBIND_NIC, typo]);
    expect(again.map(({ step, ret, line }) => [step, ret, line])).toEqual([
      [3, -19, 12],
      [4, -19, 13],
    ]);
    const [left] = surprises(
      [BOOT, UNBIND_NIC, UNBIND_NIC, typo],
      [{ kind: 'returns', step: 3, ret: -19 }],
    );
    expect(left?.step).toBe(4);
    expect(surprises([BOOT, typo], [{ kind: 'returns', step: 2, ret: -5 }])).toHaveLength(1);
  });

  it.each<[string, Stimulus, string | null]>([
    ['a device', typo, `did you mean ${NIC}?`],
    ['a driver', { do: 'bind', bus: 'pci', drv: 'e1000', dev: NIC }, 'did you mean e1000e?'],
    ['a module', { do: 'modprobe', module: 'vfio-pcci', params: '' }, 'did you mean vfio_pci?'],
    ['nothing', { do: 'bind', bus: 'pci', drv: 'e1000e', dev: NIC }, null],
    ['nothing known', { do: 'modprobe', module: 'nouveau', params: '' }, null],
  ])('say what was meant: %s', (_, step, hint) => {
    expect(surprises([BOOT, step])).toMatchObject([{ step: 2, hint }]);
  });

  it('are one line each', () => {
    const [one] = surprises([BOOT, typo]);
    if (one === undefined) throw new Error('the typing error is not found');
    expect(describeSurprise({ ...one, event: 7 })).toBe(
      'step 2 (line 11) returned -ENODEV at #7, which is not expected: ' +
        'echo 0000:01:00.7 > /sys/bus/pci/drivers/e1000e/unbind; did you mean 0000:01:00.0?',
    );
  });
});
