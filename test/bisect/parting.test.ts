import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSameRun, type Parting, whereRunsPart } from '../../src/bisect/parting.ts';
import type { Recorded } from '../../src/events/event.ts';
import type { Stimulus } from '../../src/events/stimulus.ts';
import type { Trace } from '../../src/events/trace.ts';
import { ASSIGN_NIC, aRun, LEAKY, leakyTrace, runSmall, traceOf } from '../model/small-machine.ts';

const NOTE: Stimulus = { do: 'note', text: 'nothing happens' };
const part = (a: Trace, b: Trace): Parting => whereRunsPart(a.events, b.events);
const stepsRun = (steps: readonly Stimulus[]): Trace => runSmall(steps, {}, LEAKY).trace();
const count = ({ a, b }: { readonly a: readonly number[]; readonly b: readonly number[] }) =>
  a.length + b.length;

describe('whereRunsPart', () => {
  it('finds nothing between a run and itself, or itself with other line numbers', () => {
    const { events } = leakyTrace();
    const moved = events.map((recorded) => ({ ...recorded, line: 7, timeUs: 1 }));
    expect(isSameRun(whereRunsPart(events, moved))).toBe(true);
  });

  it('finds what a fix does first, and nothing of what comes the same way after it', () => {
    const [bad, good] = [leakyTrace(), runSmall(ASSIGN_NIC, {}, { config: LEAKY.config }).trace()];
    const { given, differences, same } = part(bad, good);
    expect(given).toEqual([]);
    const [first] = differences;
    expect(first).toMatchObject({ stimulus: 'boot', a: [] });
    expect(good.events[first?.b[0] ?? -1]?.event.type).toBe('dma.cleaned');
    expect(good.events[first?.b[0] ?? -1]?.stack).toContain('test_remove');
    expect(same).toBeGreaterThan(bad.events.length * 0.9);
  });

  it('tells the end of one run, task by task', () => {
    const { events } = leakyTrace();
    const { given, differences, same } = whereRunsPart(events, events.slice(0, 9));
    const missing = [...given.map((one) => one.events), ...differences.map(count)];
    expect(missing.reduce((sum, one) => sum + one, 0)).toBe(events.length - 9);
    expect(same).toBe(9);
  });

  it('names a step that only one run was given', () => {
    const at = ASSIGN_NIC.length - 1;
    const without = ASSIGN_NIC.filter((_, i) => i !== at);
    const { given } = part(stepsRun(ASSIGN_NIC), stepsRun(without));
    expect(given).toMatchObject([{ kind: 'only-a', a: at + 1, b: null }]);
    expect(part(stepsRun(without), stepsRun(ASSIGN_NIC)).given).toMatchObject([
      { kind: 'only-b', a: null, b: at + 1 },
    ]);
  });

  it('knows a step that was put elsewhere again', () => {
    const steps = [...ASSIGN_NIC, NOTE];
    const moved = [ASSIGN_NIC[0] ?? NOTE, NOTE, ...ASSIGN_NIC.slice(1)];
    expect(part(stepsRun(steps), stepsRun(moved))).toMatchObject({
      given: [{ kind: 'moved', a: steps.length, b: 2, events: 0 }],
      differences: [],
    });
  });
});

describe('any run', () => {
  it('is the same but for a step that does nothing, wherever that stands', () => {
    const property = fc.property(aRun, fc.nat(), (run, at) => {
      const { header, events } = traceOf(run);
      const place = at % (header.stimuli.length + 1);
      const stimuli = [...header.stimuli.slice(0, place), NOTE, ...header.stimuli.slice(place)];
      const other = traceOf({ ...run, stimuli });
      const { given, differences, same } = whereRunsPart(events, other.events);
      expect(differences).toEqual([]);
      expect(given).toMatchObject([{ kind: 'only-b', b: place + 1 }]);
      expect(same).toBe(events.length);
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('is the same under other numbers of its groups', () => {
    const property = fc.property(aRun, (run) => {
      const { events } = traceOf(run);
      expect(isSameRun(whereRunsPart(events, renumbered(events)))).toBe(true);
    });
    fc.assert(property, { numRuns: 30 });
  });

  it('counts each event once, as the same or as different', () => {
    const property = fc.property(aRun, aRun, (one, two) => {
      const [a, b] = [traceOf(one).events, traceOf(two).events];
      const { given, differences, same } = whereRunsPart(a, b);
      const inWindows = given.flatMap(({ kind, events }) => (kind === 'moved' ? [] : [events]));
      const total = [...inWindows, ...differences.map(count)].reduce((sum, n) => sum + n, 0);
      expect(total + 2 * same).toBe(a.length + b.length);
    });
    fc.assert(property, { numRuns: 60 });
  });
});

/** The events with 7 added to the number of each group, where a number or a line of the log has it. */
function renumbered(events: readonly Recorded[]): readonly Recorded[] {
  return events.map((recorded) => {
    const { type } = recorded.event;
    if (type === 'task.started') return recorded;
    const text = JSON.stringify(recorded.event)
      .replace(/"((?:iommu_)?group)":(\d+)/g, (_, key, n) => `"${key}":${Number(n) + 7}`)
      .replace(/"group":"(\d+)"/g, (_, n) => `"group":"${Number(n) + 7}"`)
      .replace(/\bgroup (\d+)/g, (_, n) => `group ${Number(n) + 7}`);
    return { ...recorded, event: JSON.parse(text) };
  });
}
