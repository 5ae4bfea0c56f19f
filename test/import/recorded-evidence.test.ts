// Recorded sessions of real kernels: what files beside a bare log are worth, measured against the state
// that was recorded last.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Machine } from '../../src/events/machine.ts';
import { type EvidenceFile, readEvidence } from '../../src/import/evidence-file.ts';
import { type Imported, importLog } from '../../src/import/import.ts';
import { TRACES } from '../corpora.ts';

vi.setConfig({ testTimeout: 120_000 });

const END = 'sysfs-end.txt';
const sessions = existsSync(TRACES)
  ? readdirSync(TRACES).filter((name) => existsSync(join(TRACES, name, END)))
  : [];

const textOf = (session: string, file: string) => readFileSync(join(TRACES, session, file), 'utf8');
const section = (text: string, name: string) =>
  text.slice(text.indexOf(`[${name}]\n`) + name.length + 3).split(/^\[/m)[0] ?? '';

const endOf = (session: string) => readEvidence(textOf(session, END), END);

function imported(session: string, evidence: readonly EvidenceFile[], machine: Machine | null) {
  const log = readFileSync(join(TRACES, session, 'dmesg.txt'));
  const options = { name: session, version: null, config: {}, patches: {}, machine, evidence };
  return importLog(log, options);
}

/** On how much of the recorded end the run differs. */
const atEnd = ({ evidence }: Imported): number =>
  evidence.find(({ file }) => file === END)?.differs.length ?? Number.NaN;
/** Lines that the run has otherwise. */
const inLog = ({ divergences }: Imported): number =>
  divergences.filter(({ evidence }) => evidence === undefined).length;

/** The end as it is without the listing: beside a machine that is given it makes no device known. */
function endWithout(session: string, files: readonly EvidenceFile[]): number {
  const { machine } = imported(session, files, null).trace.header;
  return atEnd(imported(session, [...files, endOf(session)], machine));
}

describe.skipIf(sessions.length === 0)('a recorded session', () => {
  const sums = { bare: 0, deferred: 0, sysfs: 0, exact: 0 };
  it.each(sessions)('%s ends nearer to what was recorded with its files', (session) => {
    const listed = section(textOf(session, END), 'devices_deferred').trimStart();
    const bare = endWithout(session, []);
    const withDeferred = endWithout(session, [readEvidence(listed, 'deferred')]);
    const sharpened = imported(session, [endOf(session)], null);
    const withSysfs = atEnd(sharpened);
    expect(withDeferred).toBeLessThanOrEqual(bare);
    expect(withSysfs).toBeLessThan(bare);
    expect(inLog(sharpened)).toBeLessThanOrEqual(inLog(imported(session, [], null)));
    sums.bare += bare;
    sums.deferred += withDeferred;
    sums.sysfs += withSysfs;
    sums.exact += withSysfs === 0 ? 1 : 0;
  });

  it('as all do together, most of them exactly', () => {
    expect(sums.exact).toBeGreaterThanOrEqual(sessions.length * 0.85);
    expect(sums.sysfs).toBeLessThan(sums.bare / 50);
  });
});
