// Goal: what comes first is what a user needs, and a line that came at another place is one thing, not two.
import { expect, it } from 'vitest';
import type { Recorded } from '../../src/events/event.ts';
import type { Disagreement } from '../../src/explain/witness.ts';
import { explanationLines } from '../../src/report/explanation.ts';
import { sortOut } from '../../src/report/order-noise.ts';
import { leakyTrace } from '../model/small-machine.ts';

const only = (line: number, who: 'log' | 'model', text: string): Disagreement => ({
  ...{ kind: 'line', line },
  ...(who === 'log' ? { expected: null, observed: text } : { expected: text, observed: null }),
});
const early = [only(8, 'log', 'a'), only(11, 'model', 'a')];
const others = [only(9, 'log', 'b'), only(10, 'model', 'c')];

it('pairs what is only in the log with what is only in the model, text by text', () => {
  expect(sortOut([...early, ...others])).toEqual({
    rest: others,
    moved: [{ text: 'a', line: 8, expectedAt: 11 }],
  });
  expect(sortOut([only(8, 'log', 'a'), ...early]).rest).toEqual([only(8, 'log', 'a')]);
  const evidence = { file: 'sysfs.txt', line: 1, about: 'group' } as const;
  const beside: Disagreement = { kind: 'line', line: 8, expected: null, observed: 'a', evidence };
  expect(sortOut([beside, only(9, 'model', 'a')]).moved).toEqual([]);
});

function told(disagreements: readonly Disagreement[]): readonly string[] {
  const trace = leakyTrace();
  const loaded = (module: string): Recorded => ({
    ...{ event: { type: 'task.started', stimulus: { do: 'modprobe', module, params: '' } } },
    ...{ task: 'modprobe-9', stack: [], origin: 'assumed', line: 3, timeUs: null },
  });
  const events = [...trace.events, ...['a', 'b', 'c', 'd', 'e', 'f', 'a'].map(loaded)];
  const search = {
    ...{ asItIs: { trace: { ...trace, events }, disagreements, unlogged: [] }, hypotheses: [] },
    runs: 1,
  };
  const [recorded] = trace.events;
  if (recorded === undefined) throw new Error('the trace has events');
  const troubles = [{ event: 0, recorded, violation: 'it broke', decidedBy: [] }];
  return explanationLines({ search, troubles }).map(({ text }) => text);
}

it('calls a log consistent but for the order, and tells what went wrong before what is assumed', () => {
  expect(told(early)).toEqual([
    expect.stringMatching(/^consistent with 6\.1\b.* but for the order of 1 line$/),
    '  line 8: 3 lines earlier than in the model: a',
    expect.stringMatching(/^no hypothesis of reprobe explains it; tasks/),
    'what went wrong, and what decides it',
    '  #0 it broke',
    'assumed, though nothing shows it',
    '  modprobe of a, b, c, d, e and 1 more',
  ]);
});

it('tells what breaks a claim before probes that fail, and no hypotheses that explain less', () => {
  const trace = leakyTrace();
  const [recorded] = trace.events;
  if (recorded === undefined) throw new Error('the trace has events');
  const failed = { event: 1, recorded, violation: null, decidedBy: [] };
  const troubles = [
    ...Array.from({ length: 12 }, () => failed),
    { ...failed, violation: 'it broke' },
  ];
  const testimony = { trace, disagreements: [], unlogged: [] };
  const hypothesis = (leaves: number) => ({
    ...{ assumptions: [], explains: 2 - leaves, leaves, testimony },
  });
  const search = {
    ...{ asItIs: { ...testimony, disagreements: others }, runs: 1 },
    hypotheses: [hypothesis(0), hypothesis(0), hypothesis(1)],
  };
  const lines = explanationLines({ search, troubles }).map(({ text }) => text);
  expect(lines.filter((text) => text.includes('hypothes'))).toEqual([
    'hypothesis 1 explains 2 of 2',
    'hypothesis 2 explains 2 of 2',
    'what went wrong under hypothesis 1, and what decides it',
  ]);
  expect(lines).toContain('and 1 that explains less; --json has all');
  expect(lines[lines.findIndex((text) => text.startsWith('what went wrong')) + 1]).toContain(
    'it broke',
  );
});

it('tells of the order after what is not there at all', () => {
  expect(told([...early, ...others]).slice(0, 4)).toEqual([
    expect.stringMatching(/^4 observations disagree with 6\.1/),
    '  line 9: not in the model: b',
    '  line 10: only in the model: c',
    '  line 8: 3 lines earlier than in the model: a',
  ]);
});
