import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runAll } from '../../src/engine/run.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { checkTrace } from '../../src/invariants/checker.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

function inputsOf(name: string) {
  const file = `scenarios/${name}.yaml`;
  const { steps, ...scenario } = parseScenario(readFileSync(file, 'utf8'), file, driverKnowledge);
  return { ...scenario, stimuli: steps };
}

test.each([
  'test-remove-leaves-owner_cnt',
  'client-overtakes-the-bus-scan',
  'rmmod-then-rescan-jumps-into-freed-ops',
])('finds on the way what a second pass over %s finds', (name) => {
  const inputs = inputsOf(name);
  const { run, violations } = runChecked(inputs);
  const twice = runAll(inputs, inputs.stimuli, { choices: inputs.choices });
  expect(run.scheduler.events).toEqual(twice.scheduler.events);
  expect(violations).toEqual(checkTrace(inputs, twice.scheduler.events));
  expect(violations).not.toEqual([]);
});

test('ends after the stimulus at which it is told to', () => {
  const inputs = inputsOf('test-remove-leaves-owner_cnt');
  const whole = runChecked(inputs);
  const { run, violations } = runChecked(inputs, { until: () => true });
  const { events } = run.scheduler;
  const [first] = violations;
  expect(first).toEqual(whole.violations[0]);
  expect(events.length).toBeLessThan(whole.run.scheduler.events.length);
  expect(events).toEqual(whole.run.scheduler.events.slice(0, events.length));
});

test('follows choices as far as they fit', () => {
  const inputs = inputsOf('client-overtakes-the-bus-scan');
  const { run } = runChecked({ ...inputs, choices: inputs.choices.map(() => 99) });
  expect(run.scheduler.choices).not.toContain(99);
});
