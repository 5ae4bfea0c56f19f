// A log that is silent about what went wrong, and the trace that was taken beside it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { subjectOf } from '../../src/explain/assumption.ts';
import { explain } from '../../src/explain/search.ts';
import { logWitness } from '../../src/explain/witness.ts';
import { readEvidence } from '../../src/import/evidence-file.ts';
import { importRead } from '../../src/import/import.ts';
import { readWhole } from '../../src/import/read-log.ts';
import { TRACES } from '../corpora.ts';

const folder = join(TRACES, 's02-bs61-ownercnt-plain');

describe.skipIf(!existsSync(folder))('a trace beside a log', () => {
  it('shows what no line of it does: the count that a test removal leaves behind', () => {
    const log = readWhole(readFileSync(join(folder, 'dmesg.txt')));
    const options = { name: 'log', version: null, config: {}, patches: {}, machine: null };
    const explained = (files: readonly string[]) => {
      const evidence = files.map((file) =>
        readEvidence(readFileSync(join(folder, file), 'utf8'), file),
      );
      const given = { ...options, evidence };
      return explain(logWitness(log, given, importRead(log, given)));
    };
    expect(explained([]).asItIs.disagreements).toEqual([]);
    const { asItIs, hypotheses } = explained(['sysfs-end.txt', 'kprobe.txt']);
    expect(asItIs.disagreements.length).toBeGreaterThan(5);
    expect(hypotheses[0]).toMatchObject({ leaves: 0 });
    expect(hypotheses[0]?.assumptions.map(subjectOf).sort()).toEqual([
      'config DEBUG_TEST_DRIVER_REMOVE',
      'patch test_remove_dma_cleanup',
    ]);
  }, 120_000);
});
