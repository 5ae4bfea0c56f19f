import { describe, expect, it } from 'vitest';
import { firstViolation } from '../../src/bisect/first-violation.ts';
import type { BisectOutcome } from '../../src/bisect/outcome.ts';
import { bisectStory, type Story } from '../../src/report/bisect-story.ts';
import { leakyTrace, NIC } from '../model/small-machine.ts';

const trace = leakyTrace();

function tell(outcome: BisectOutcome, more: Partial<Story> = {}): string {
  const story: Story = {
    ...{ trace, outcome, verification: null, changes: null, causes: [], answers: null },
    ...{ doubts: [], contradictions: 0, wasThere: true, sourceName: 'a.yaml' },
    logText: () => null,
    again: (event) => `reprobe replay a.yaml --to ${event}`,
    ...more,
  };
  return bisectStory(story)
    .map(({ text }) => text)
    .join('\n');
}

describe('bisectStory', () => {
  const holds = { kind: 'holds', invariants: 7, evaluations: 9 } as const;

  it('says of a log what the answer assumes, and what to try', () => {
    const source = { name: 'boot.log', format: 'dmesg' } as const;
    const log = { ...trace, header: { ...trace.header, source } };
    const text = tell(holds, { trace: log, contradictions: 3, sourceName: 'boot.log' });
    expect(text).toContain('the log contradicts the model in 3 lines');
    expect(text).toContain('`reprobe whatif boot.log --all`');
    expect(tell(holds)).not.toContain('whatif');
  });

  it('tells what speaks against the run beside what it found', () => {
    const text = tell(firstViolation(trace), { doubts: ['the log overrules the model'] });
    expect(text).toMatch(/^ {2}doubt +the log overrules the model$/m);
  });

  it('names device, group, values, path, stimulus and the line that shows it again', () => {
    const found = firstViolation(trace);
    const text = tell(found);
    const { event } = found.kind === 'found' ? found : { event: -1 };
    expect(text).toMatch(new RegExp(`^  first bad  #${event} ${NIC}: device_unbind_cleanup$`, 'm'));
    expect(text).toMatch(new RegExp(`^  last good  #${event - 1} `, 'm'));
    expect(text).toMatch(/^ {2}group {6}1$/m);
    expect(text).toMatch(/^ {2}values {5}owner_uses=1 driver=none group=1 owner_cnt=1$/m);
    expect(text).toMatch(/^ {2}path {7}do_initcalls > .* > really_probe > test_remove$/m);
    expect(text).toMatch(/^ {2}stimulus {3}boot$/m);
    expect(text.split('\n').at(-1)).toBe(`again: reprobe replay a.yaml --to ${event}`);
  });

  it('quotes the line of the log', () => {
    const found = firstViolation(trace);
    const bad = found.kind === 'found' ? found.event : -1;
    const events = trace.events.map((one, n) =>
      n === bad ? { ...one, line: 7, origin: 'observed' as const } : one,
    );
    const text = tell(found, { trace: { ...trace, events }, logText: (n) => `text of ${n}` });
    expect(text).toMatch(/^ {2}log {8}line 7: text of 7$/m);
  });

  it('quotes the line that the event printed, where it did', () => {
    const found = firstViolation(trace);
    const bad = found.kind === 'found' ? found.event : -1;
    const printk = { type: 'printk', level: 'info', text: 'x', dev: null } as const;
    const events = trace.events.map((one, n) => {
      const said = { ...one, event: printk, line: 8, origin: 'observed' as const };
      const next = { ...said, task: trace.events[bad]?.task ?? '' };
      return n === bad + 1 ? next : n === bad ? { ...one, line: 7 } : one;
    });
    const text = tell(found, { trace: { ...trace, events }, logText: (n) => `text of ${n}` });
    expect(text).toMatch(/^ {2}log {8}line 8: text of 8$/m);
  });

  it.each<[BisectOutcome, string]>([
    [{ kind: 'holds', invariants: 6, evaluations: 9 }, 'holds: 6 invariants over'],
    [{ kind: 'holds', invariants: 0, evaluations: 2 }, 'the first and the last state of'],
    [{ kind: 'badFromStart', evaluations: 2 }, 'bad from the start'],
    [{ kind: 'notMonotone', reason: 'it healed', evaluations: 2 }, 'not monotone: it healed'],
    [{ kind: 'inconclusive', reason: 'skipped', evaluations: 2 }, 'inconclusive: skipped'],
  ])('tells of %j', (outcome, part) => {
    expect(tell(outcome)).toContain(part);
  });

  it('says when running again shows nothing, or nothing helps', () => {
    const found = firstViolation(trace);
    const changes = { reproduced: false, remedies: [] };
    expect(tell(found, { changes })).toContain('unknown: running the inputs again');
    expect(tell(found, { changes: { ...changes, reproduced: true } })).toContain('no single patch');
    const verification = { verified: false, how: 'it also happens without it' };
    expect(tell(found, { verification })).toContain('not verified: it also happens');
  });
});
