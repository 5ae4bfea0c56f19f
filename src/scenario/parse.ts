/** Scenario and machine files: from text to values, with errors that name line and column. */
import type { KernelSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { fieldsOf, integerOf, itemsOf, nameOf, textAt } from './decode.ts';
import type { Knowledge } from './driver.ts';
import { readExpectation } from './expect.ts';
import { keysOf } from './keys.ts';
import { readKernel, readMachine } from './machine.ts';
import type { ParsedScenario } from './scenario.ts';
import { readStep } from './steps.ts';
import { fail, lineOf, type Place, readYaml } from './yaml-source.ts';

/** Version of the scenario format; a file that does not say is of this one. */
export const SCENARIO_SCHEMA = 1;

/**
 * Reads a scenario file.
 *
 * @throws ReprobeError BAD_YAML when the text is not YAML or is out of all proportion, BAD_SCENARIO
 * when it says something that a scenario cannot say.
 */
export function parseScenario(
  text: string,
  file: string,
  knowledge: Knowledge = {},
): ParsedScenario {
  const fields = fieldsOf(readYaml(text, file, 'BAD_SCENARIO', 'the scenario'), keysOf('scenario'));
  expectSchema(fields.get('schema'));
  const machine = readMachine(fields.need('machine'), knowledge);
  const steps = itemsOf(fields.get('steps'));
  const expect = itemsOf(fields.get('expect'));
  return {
    name: nameOf(fields.need('name')),
    title: textAt(fields.get('title')),
    story: textAt(fields.get('story')),
    kernel: readKernel(fields.need('kernel')),
    machine,
    steps: steps.map((step) => readStep(step, machine)),
    choices: itemsOf(fields.get('choices')).map((choice) => integerOf(choice)),
    expect: expect.map((item) => readExpectation(item, steps.length)),
    stepLines: steps.map(lineOf),
    expectLines: expect.map(lineOf),
  };
}

/**
 * Reads one step, such as `unbind: { dev: '0000:01:00.0', drv: e1000e }`.
 *
 * @throws ReprobeError BAD_YAML or BAD_SCENARIO, as for a scenario.
 */
export function parseStep(text: string, file: string, machine: Machine): Stimulus {
  return readStep(readYaml(text, file, 'BAD_SCENARIO', 'the step'), machine);
}

/** A machine file says what a scenario says below `machine`, and may have the rest of a scenario too. */
export interface MachineFile {
  readonly machine: Machine;
  readonly kernel: KernelSpec | null;
}

/**
 * Reads a machine file.
 *
 * @throws ReprobeError BAD_YAML or BAD_MACHINE, as for a scenario.
 */
export function parseMachine(text: string, file: string, knowledge: Knowledge = {}): MachineFile {
  const root = readYaml(text, file, 'BAD_MACHINE', 'the machine file');
  const fields = fieldsOf(root, keysOf('scenario'));
  expectSchema(fields.get('schema'));
  const kernel = fields.get('kernel');
  return {
    machine: readMachine(fields.need('machine'), knowledge),
    kernel: kernel === undefined ? null : readKernel(kernel),
  };
}

function expectSchema(place: Place | undefined): void {
  if (place === undefined) return;
  const schema = integerOf(place);
  if (schema === SCENARIO_SCHEMA) return;
  const hint = schema > SCENARIO_SCHEMA ? 'it was written for a newer reprobe' : null;
  fail(place, `The file has schema ${schema}; this reprobe reads ${SCENARIO_SCHEMA}.`, hint);
}
