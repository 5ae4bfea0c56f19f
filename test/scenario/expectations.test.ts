// Goal: what a scenario expects is so: its lines are what it is kept for. Method: each is run and judged,
// and one that expects no violation breaks nothing at all.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runAll } from '../../src/engine/run.ts';
import { checkTrace } from '../../src/invariants/checker.ts';
import { judgeExpectations } from '../../src/report/expectations.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

const files = readdirSync('scenarios').filter((file) => file.endsWith('.yaml'));

describe('as expected', () => {
  it.each(files)('%s', (file) => {
    const scenario = parseScenario(
      readFileSync(`scenarios/${file}`, 'utf8'),
      file,
      driverKnowledge,
    );
    const { machine, kernel, steps, choices, expect: expected } = scenario;
    const trace = runAll({ machine, kernel }, steps, { choices }).trace();
    const violations = checkTrace(trace.header, trace.events);
    const judged = judgeExpectations(scenario, file, trace, violations);
    expect(judged.filter(({ ok }) => !ok)).toEqual([]);
    expect(judged.length).toBe(expected.length);
    if (!expected.some(({ kind }) => kind === 'violation')) expect(violations).toEqual([]);
  });
});
