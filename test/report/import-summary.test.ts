import { describe, expect, it } from 'vitest';
import { recognise } from '../../src/import/recognise.ts';
import type { Violation } from '../../src/invariants/invariant.ts';
import { importLines } from '../../src/report/import-lines.ts';
import { type Import, importSummary } from '../../src/report/import-summary.ts';
import { leakyTrace } from '../model/small-machine.ts';

const trace = leakyTrace();

const text = (more: Partial<Import>): readonly string[] =>
  importLines(summary(more)).map((line) => line.text);

function summary(more: Partial<Import>) {
  const given = {
    ...{ kind: 'log', trace, log: null, boot: 0, boots: 1, observations: [], unrecognised: [] },
    isKernelAsked: false,
    ...{ divergences: [], violations: [], doubts: [], waiting: [], faults: [], evidence: [] },
    ...{ redacted: null, ...more },
  };
  return importSummary(given);
}

function violation(event: number): Violation {
  return {
    ...{ invariant: 'a', subject: 'group 1', event, line: null, message: `broke ${event}` },
    ...{ values: {}, stack: [], stimulus: 'boot' },
  };
}

describe('the document', () => {
  const joined = (dev: string, group: number) => {
    const text = `pci ${dev}: Adding to iommu group ${group}`;
    const place = { line: 1, timeUs: null, level: null, caller: null, boot: 0, replay: false };
    const seen = recognise({ ...place, text, subsystem: null, device: null });
    return seen === null ? [] : [seen];
  };

  it('has the groups of the log, and where it speaks of none those of the run', () => {
    const observations = [
      ...joined('0000:07:00.0', 3),
      ...joined('0000:07:00.0', 3),
      ...joined('0000:07:00.0', 4),
    ];
    expect(summary({ observations }).everInGroups).toEqual({
      3: ['0000:07:00.0'],
      4: ['0000:07:00.0'],
    });
    const { everInGroups, groups } = summary({});
    expect(everInGroups).toEqual(groups);
    expect(Object.values(everInGroups).flat().length).toBeGreaterThan(0);
  });

  it('has what its readers are promised', () => {
    expect(Object.keys(summary({}))).toEqual(
      expect.arrayContaining([
        ...['source', 'kernel', 'observations', 'devices', 'drivers', 'groups', 'everInGroups'],
        ...['iommus', 'probeFailures', 'deferrals', 'events', 'divergences', 'violations'],
      ]),
    );
  });
});

describe('importLines', () => {
  it('names what still waits at the end, and what for', () => {
    const waiting = [
      { dev: '0000:01:00.0', waitsFor: '9050000.smmuv3', reason: 'wait for supplier\n' },
      { dev: 'lcd', waitsFor: null, reason: null },
    ];
    const lines = text({ waiting });
    expect(lines).toContainEqual(expect.stringMatching(/^deferred +\d+ devices?, 2 at the end$/));
    expect(lines).toContain('0000:01:00.0 still waits for 9050000.smmuv3 (wait for supplier)');
    expect(lines).toContain('lcd still waits, nobody knows what for');
  });

  it('tells what speaks against the run', () => {
    expect(text({ doubts: ['the log overrules it'] })).toContain('doubt: the log overrules it');
  });

  it('lists ten violations and says how many there are', () => {
    const lines = text({ violations: Array.from({ length: 90 }, (_, i) => violation(i)) });
    expect(lines).toContain('violated      1 invariant, 90 times');
    expect(lines.filter((line) => line.startsWith('violation at'))).toHaveLength(10);
    expect(lines).toContain('and 80 more violations; --json has them all');
    expect(text({})).toContain('violated      nothing');
  });

  it('says which side has the line, without all of a long one', () => {
    const divergences = [
      { line: 4, expected: 'no such line', observed: 'x'.repeat(300), event: 1 },
      { line: 5, expected: 'a line', observed: 'no such line', event: 1 },
    ];
    const [long = '', short] = text({ divergences }).slice(-2);
    expect(long).toMatch(/^line 4: the log has "x{99}…", the model would not print it$/);
    expect(short).toBe('line 5: the model prints "a line", the log lacks it');
    const one = divergences.slice(0, 1);
    expect(text({ divergences: Array.from({ length: 11 }, () => one).flat() }).at(-1)).toBe(
      'and 1 more contradiction; --json has them all',
    );
  });

  it('counts IOMMUs by kind when they are many', () => {
    const { header } = trace;
    const devices = [0, 1, 2, 3].map((n) => ({
      ...{ name: `dmar${n}`, bus: 'platform', parent: null, ids: [] },
      iommu_kind: n < 3 ? ('intel' as const) : ('amd' as const),
    }));
    const many = { header: { ...header, machine: { ...header.machine, devices } }, events: [] };
    expect(text({ trace: many })).toContain('iommus        3 intel, 1 amd');
    const few = { ...header.machine, devices: devices.slice(2) };
    expect(text({ trace: { header: { ...header, machine: few }, events: [] } })).toContain(
      'iommus        dmar2 (intel), dmar3 (amd)',
    );
  });
});
