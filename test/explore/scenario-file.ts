// The inputs of a scenario of this project, without its choices.
import { readFileSync } from 'node:fs';
import type { Inputs } from '../../src/events/trace.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

export function readScenarioFile(path: string): Inputs {
  const text = readFileSync(path, 'utf8');
  const { kernel, machine, steps } = parseScenario(text, path, driverKnowledge);
  return { kernel, machine, stimuli: steps, choices: [] };
}
