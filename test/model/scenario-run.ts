// Scenarios as test machines: a run of a file of `scenarios/`, as written or with patches switched.
import { readFileSync } from 'node:fs';
import { type RunOptions, runAll, type System } from '../../src/engine/run.ts';
import type { DeviceSpec, DriverSpec, ModuleSpec } from '../../src/events/machine.ts';
import type { Stimulus } from '../../src/events/stimulus.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

export interface Changes {
  readonly patches?: Readonly<Record<string, boolean>>;
  readonly version?: string;
  readonly cmdline?: string;
  readonly config?: Readonly<Record<string, string>>;
  /** Done after the steps of the scenario. */
  readonly more?: readonly Stimulus[];
  readonly device?: (spec: DeviceSpec) => DeviceSpec;
  readonly driver?: (spec: DriverSpec) => DriverSpec;
  readonly module?: ModuleSpec;
  readonly modules?: (spec: ModuleSpec) => ModuleSpec;
}

export function runScenario(name: string, changes: Changes = {}) {
  const file = `${name}.yaml`;
  const text = readFileSync(`scenarios/${file}`, 'utf8');
  const { machine, kernel, steps, choices } = parseScenario(text, file, driverKnowledge);
  const { patches = {}, more = [], module, modules = (spec) => spec } = changes;
  const { version = kernel.version, cmdline = kernel.cmdline } = changes;
  const { device = (spec) => spec, driver = (spec) => spec } = changes;
  const system: System = {
    machine: {
      ...machine,
      devices: machine.devices.map(device),
      drivers: machine.drivers.map(driver),
      modules: [...machine.modules.map(modules), ...(module === undefined ? [] : [module])],
    },
    kernel: {
      ...kernel,
      version,
      cmdline,
      patches: { ...kernel.patches, ...patches },
      config: { ...kernel.config, ...changes.config },
    },
  };
  const options: RunOptions = { choices };
  return runAll(system, [...steps, ...more], options);
}
