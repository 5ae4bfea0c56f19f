import { describe, expect, it } from 'vitest';
import { bisectAnswers } from '../../src/bisect/answers.ts';
import { forkRun, forkState } from '../../src/bisect/fork.ts';
import { NO_MEMORY } from '../../src/bisect/judge.ts';
import {
  answerOf,
  describeAnswer,
  documentQuestions,
  machineFor,
  parseQuestion,
} from '../../src/bisect/question.ts';
import { createHistory, stateAfter } from '../../src/engine/history.ts';
import { ReprobeError } from '../../src/error.ts';
import type { Stimulus } from '../../src/events/stimulus.ts';
import type { Trace } from '../../src/events/trace.ts';
import {
  ASSIGN_NIC,
  BIND_NIC,
  BOOT,
  LEAKY,
  leakyTrace,
  NIC,
  NIC_GROUP,
  runSmall,
  UNBIND_NIC,
  USE_NIC,
} from '../model/small-machine.ts';

const parse = (text: string) => parseQuestion(text, '--ask');

const TYPE1: Stimulus = { do: 'modprobe', module: 'vfio_iommu_type1', params: '' };
/** The card is with VFIO, and nobody uses it yet. */
const TAKEN: readonly Stimulus[] = [...ASSIGN_NIC.slice(0, -1), TYPE1];

/** The answer at the end of a run, on a fork of its state and on one of the run. */
function asked(text: string, trace: Trace): string {
  const question = parse(text);
  const withMachine = (machine: Trace['header']['machine']) => machineFor(question, machine);
  const history = createHistory(trace.events);
  const state = forkState(trace, history, trace.events.length, withMachine);
  const run = forkRun(trace.header, trace.header.stimuli.length, withMachine);
  const answer = describeAnswer(answerOf(question, state));
  expect(describeAnswer(answerOf(question, run))).toBe(answer);
  return answer;
}

describe('parseQuestion', () => {
  it.each([
    ['vfio-close 1', 1, "no question 'vfio-close'"],
    ['constructor x', 1, "no question 'constructor'"],
    ['', 1, "no question ''"],
    ['bind 0000:01:00.0', 18, 'bind needs DRIVER'],
    ['probe a  b', 10, 'probe takes DEVICE'],
  ])('refuses %j', (text, column, message) => {
    try {
      parse(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ReprobeError);
      expect(error).toMatchObject({ code: 'BAD_EXPRESSION', line: 1, column });
      expect(String(error)).toContain(message);
    }
  });

  it('reads each question that it documents', () => {
    for (const [form] of documentQuestions()) expect(parse(form).ask).toBe(form.split(' ')[0]);
  });
});

describe('a question', () => {
  const held: readonly Stimulus[] = [...TAKEN, { ...USE_NIC, hold: 'guest' }];

  it.each<[string, Trace, string]>([
    [`vfio-open ${NIC_GROUP}`, runSmall([BOOT]).trace(), 'yes'],
    [`vfio-open ${NIC}`, runSmall([BOOT]).trace(), 'yes'],
    [`vfio-open ${NIC}`, leakyTrace(), 'no: -EPERM from VFIO_GROUP_SET_CONTAINER'],
    [`vfio-open ${NIC}`, runSmall(held).trace(), `no: -EBUSY from open /dev/vfio/${NIC_GROUP}`],
    ['vfio-open 7', runSmall([BOOT]).trace(), 'there is no group of 7'],
    [`bind ${NIC} e1000e`, runSmall([BOOT, UNBIND_NIC]).trace(), 'yes'],
    [
      `bind ${NIC} nosuch`,
      runSmall([BOOT]).trace(),
      `no: -ENOENT from echo ${NIC} > /sys/bus/pci/drivers/nosuch/bind`,
    ],
    [`probe ${NIC}`, runSmall([BOOT, UNBIND_NIC]).trace(), 'yes'],
    ['unload vfio_pci', runSmall(ASSIGN_NIC).trace(), 'yes'],
    ['unload vfio', runSmall(held).trace(), 'no: -EAGAIN from rmmod vfio'],
  ])('%s', (text, trace, answer) => {
    expect(asked(text, trace)).toBe(answer);
  });

  it('leaves the run alone that it is asked of', () => {
    const trace = leakyTrace();
    const history = createHistory(trace.events, 16);
    const before = JSON.stringify([trace, stateAfter(history, 100), history.checkpoints]);
    for (let count = 0; count <= trace.events.length; count += 7) {
      const question = parse(`vfio-open ${NIC}`);
      const fork = forkState(trace, history, count, (machine) => machineFor(question, machine));
      answerOf(question, fork);
    }
    expect(JSON.stringify([trace, stateAfter(history, 100), history.checkpoints])).toBe(before);
  });

  it('goes on with the answers of probes where the run has left them', () => {
    const run = runSmall([BOOT, UNBIND_NIC], { outcomes: [0, -5, 0] });
    const fork = () =>
      forkState(
        run.trace(),
        createHistory(run.scheduler.events),
        run.scheduler.events.length,
        (m) => m,
      );
    const first = answerOf(parse(`bind ${NIC} e1000e`), fork());
    expect(first).toMatchObject({ kind: 'no', ret: -5 });
    run.give(BIND_NIC);
    expect(answerOf(parse(`bind ${NIC} e1000e`), fork())).toEqual({ kind: 'yes' });
  });
});

describe('bisectAnswers', () => {
  const steps: readonly Stimulus[] = [...TAKEN, { ...USE_NIC, hold: 'guest' }];

  it('finds when VFIO would not get the group any more, within ⌈log2 n⌉ + 2 forks', async () => {
    const trace = runSmall(steps).trace();
    const found = await bisectAnswers(trace, parse(`vfio-open ${NIC}`), NO_MEMORY, false);
    expect(found.yes).toEqual({ kind: 'yes' });
    expect(found.no).toMatchObject({ kind: 'no', ret: -16 });
    expect(found.outcome.kind).toBe('found');
    if (found.outcome.kind !== 'found') return;
    expect(trace.events[found.outcome.event]?.event.type).toBe('vfio.group_opened');
    const most = Math.ceil(Math.log2(trace.events.length)) + 2;
    expect(found.outcome.evaluations).toBeLessThanOrEqual(most);
  });

  it('says when the answer is no from the first state on, and when there is none', async () => {
    const leaky = await bisectAnswers(leakyTrace(), parse(`vfio-open ${NIC}`), NO_MEMORY, true);
    expect(leaky).toMatchObject({ outcome: { kind: 'badFromStart' }, no: { ret: -1 } });
    expect(leaky.first).toBeGreaterThan(0);
    const none = await bisectAnswers(leakyTrace(), parse('vfio-open 99'), NO_MEMORY, true);
    expect(none.outcome.kind).toBe('inconclusive');
  });

  it('finds a yes between stimuli where the first answer was no', async () => {
    const trace = runSmall([BOOT, UNBIND_NIC, BIND_NIC], {}, LEAKY).trace();
    const found = await bisectAnswers(trace, parse(`bind ${NIC} e1000e`), NO_MEMORY, true);
    expect(found.outcome.kind).toBe('found');
    if (found.outcome.kind !== 'found') return;
    const { task } = trace.events[found.outcome.event] ?? {};
    expect(task).toBe('sh-2');
  });
});
