// Goal: the table of calls has what the scenarios reach, so that "reached 300 of 400" means something.
// `npm run golden` writes it anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createCoverage, kindOfPoint } from '../../src/fuzz/coverage.ts';
import { EDGES } from '../../src/fuzz/edge-table.ts';
import { edgesReached } from '../../src/fuzz/edges.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { scenarios } from '../model/any-steps.ts';

const FILE = 'src/fuzz/edge-table.ts';

function reached(): ReadonlySet<string> {
  const coverage = createCoverage();
  for (const file of scenarios) {
    const text = readFileSync(`scenarios/${file}`, 'utf8');
    const { kernel, machine, steps, choices } = parseScenario(text, file, driverKnowledge);
    const watch = coverage.watchRun();
    const inputs = { kernel, machine, stimuli: steps, choices };
    runChecked(inputs, { onEvent: (recorded, _, state) => watch(recorded, state) });
  }
  return coverage.points;
}

it('the table has every call that the scenarios reach, and no other', () => {
  const points = reached();
  const calls = [...points].filter((point) => kindOfPoint(point) === 'call');
  const edges = calls.map((point) => point.slice('call '.length)).sort();
  if (process.env['UPDATE_GOLDEN'] === '1') {
    const [head = ''] = readFileSync(FILE, 'utf8').split('= [');
    writeFileSync(FILE, `${head}= [\n${edges.map((edge) => `  '${edge}',\n`).join('')}];\n`);
  } else expect(EDGES).toEqual(edges);
  expect(edgesReached(points).edges).toBe(EDGES.length);
});
