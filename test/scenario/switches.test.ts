// Goal: a switch that changes nothing is a claim about the kernel that nobody can check. Method: each
// patch names a scenario; its run with the patch and without it must differ.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rerunTrace } from '../../src/bisect/rerun.ts';
import { runAll } from '../../src/engine/run.ts';
import { PATCHES } from '../../src/model/versions/patch-table.ts';
import { PATCH_NAMES } from '../../src/model/versions/profile.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

/** The events of a scenario's run with the patch switched. */
function eventsOf(scenario: string, name: string, on: boolean): readonly object[] {
  const file = `${scenario}.yaml`;
  const text = readFileSync(`scenarios/${file}`, 'utf8');
  const { machine, kernel, steps, choices } = parseScenario(text, file, driverKnowledge);
  const asWritten = runAll({ machine, kernel }, steps, { choices }).trace();
  const { events } = rerunTrace(asWritten, { patches: { [name]: on } });
  return events.map(({ event, task }) => ({ event, task }));
}

describe('each patch', () => {
  const shown = PATCH_NAMES.map((name) => [name, PATCHES[name].scenario] as const);

  it.each(shown)('%s changes the run of %s', (name, scenario) => {
    expect(eventsOf(scenario, name, true)).not.toEqual(eventsOf(scenario, name, false));
  });
});
