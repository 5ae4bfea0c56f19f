import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DriverSpec } from '../../src/events/machine.ts';
import { parseMachine, parseScenario } from '../../src/scenario/parse.ts';
import { printMachine, printScenario } from '../../src/scenario/print.ts';
import type { ParsedScenario, Scenario } from '../../src/scenario/scenario.ts';
import { aDriver } from '../events/arbitrary.ts';
import { aKernelOfNames, aMachineOfNames, aScenario } from './arbitrary.ts';

const PRINTED = `schema: 1
name: unbind-twice
title: 'Unbinding a device twice: the second write fails'
story: |
  One line.

    Indented.
kernel: { version: '6.1', config: { IOMMU_DEBUGFS: y }, patches: { test_remove_dma_cleanup: off } }
machine:
  firmware: none
  devices:
    - { name: '0000:01:00.0', pci: { id: '8086:10d3', class: 0x020000, acs: on } }
    - name: '0000:02:00.0'
      pci: { id: '1af4:1041', class: 0x020000 }
      ids: ['pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00']
      creates:
        - { name: virtio0, bus: virtio, ids: ['virtio:d00000001v00001AF4'] }
        - { name: virtio1, bus: virtio, parent: '', disabled: true }
  drivers:
    - { name: e1000e, bus: pci, module: e1000e, outcome: -EIO }
  modules:
    - e1000e
    - { name: vfio-pci, depends: [vfio] }
  boot:
    - populate
    - driver: e1000e
steps:
  - boot
  - unbind: { drv: e1000e, dev: '0000:01:00.0' }
  - drivers_probe: { dev: unknown, bus: platform }
  - modprobe: 'vfio-pci ids=8086:10d3'
  - rescan
choices: [0, 1]
expect:
  - holds: all
  - returns: { step: 2, ret: -ENODEV }
  - driver: { dev: '0000:01:00.0', is: none, after: 2 }
`;

function withoutLines({ stepLines, expectLines, ...scenario }: ParsedScenario): Scenario {
  expect(stepLines).toHaveLength(scenario.steps.length);
  expect(expectLines).toHaveLength(scenario.expect.length);
  return scenario;
}

describe('printing', () => {
  it('gives the file as a person would write it', () => {
    expect(printScenario(parseScenario(PRINTED, 's.yaml'))).toBe(PRINTED);
  });

  it('names a known driver only when nothing of it was changed', () => {
    const known = (name: string): DriverSpec => ({
      name,
      bus: 'pci',
      module: name,
      ids: [],
      driver_managed_dma: false,
      suppress_bind_attrs: false,
      probe_type: 'default',
    });
    const text = 'machine: { drivers: [e1000e, { like: igb, probe_type: async }] }';
    const { machine } = parseMachine(text, 'm.yaml', { known });
    expect(printMachine(machine, null, { known }).split('\n').slice(3, 6)).toEqual([
      '  drivers:',
      '    - e1000e',
      '    - { name: igb, bus: pci, module: igb, probe_type: async }',
    ]);
  });
});

describe('properties', () => {
  it('parse(print(scenario)) is the scenario, print is a fixed point', { timeout: 20_000 }, () => {
    fc.assert(
      fc.property(aScenario, (scenario) => {
        const text = printScenario(scenario);
        const parsed = withoutLines(parseScenario(text, 's.yaml'));
        expect(parsed).toEqual(scenario);
        expect(printScenario(parsed)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it('parse(print(machine)) is the machine, with and without known drivers', () => {
    fc.assert(
      fc.property(aMachineOfNames, aKernelOfNames, aDriver, (machine, kernel, driver) => {
        const known = () => machine.drivers[0] ?? driver;
        const text = printMachine(machine, kernel, { known });
        expect(parseMachine(text, 'm.yaml', { known })).toEqual({ machine, kernel });
      }),
    );
  });
});
