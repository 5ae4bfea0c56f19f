// Goal: of a bug and the same bug with a detour, the same is left. Method: the leak of a pci-stub that
// counts, plainly and in roundabout ways, each of which shows the leak too.
import { describe, expect, it } from 'vitest';
import type { Inputs } from '../../src/events/trace.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { minimize } from '../../src/minimize/minimize.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

const INVARIANT = 'owner_cnt-matches-users';

interface Parts {
  readonly functions: string;
  readonly drivers?: string;
  readonly more?: string;
  readonly steps: string;
}

function leak({ functions, drivers = '', more = '', steps }: Parts): Inputs {
  const text = `
name: leak
title: a pci-stub is counted
kernel: { version: '7.2', patches: { pci_stub_managed: off } }
machine:
  firmware: devicetree
  devices:
    - { name: 1000000.iommu, bus: platform, ids: ['arm,smmu-v3'] }
    - name: 1000000.pcie
      bus: platform
      ids: [pci-host-ecam-generic]
      iommu_map: [{ iommu: 1000000.iommu }]
${functions}
  drivers:
    - { name: arm-smmu-v3, bus: platform, ids: ['arm,smmu-v3'] }
    - { name: pci-host-generic, bus: platform, ids: [pci-host-ecam-generic] }
    - { like: pci-stub${drivers} }
${more}
steps:
  - boot
${steps}
expect: [violation: ${INVARIANT}]
`;
  const { kernel, machine, steps: stimuli, choices } = parseScenario(text, 'a', driverKnowledge);
  return { kernel, machine, stimuli, choices };
}

const card = (name: string, parent: string, more = ''): string =>
  `    - { name: '${name}', parent: '${parent}', pci: { id: '1234:0000', class: 0x000000${more} } }`;
const bridge = (name: string, parent: string): string =>
  `    - { name: '${name}', parent: '${parent}', pci: { id: '1b36:000c', class: 0x060400, type: root-port } }`;
const taken = (dev: string): string =>
  `  - driver_override: { dev: '${dev}', drv: pci-stub }\n  - drivers_probe: '${dev}'`;

const HOST = '1000000.pcie';
const PLAIN = { functions: card('0000:00:00.0', HOST), steps: taken('0000:00:00.0') };
const least = minimize(leak(PLAIN), { invariant: INVARIANT, subject: null });

/** Does it show the leak, and is the same left of it? */
function expectSame(inputs: Inputs) {
  expect(runChecked(inputs).violations.map(({ invariant }) => invariant)).toContain(INVARIANT);
  const found = minimize(inputs, { invariant: INVARIANT, subject: null });
  expect(found.inputs).toEqual(least.inputs);
  return found;
}

describe('a detour', () => {
  it('over two bridges is not taken', () => {
    const functions = [
      bridge('0000:00:02.0', HOST),
      bridge('0000:01:00.0', '0000:00:02.0'),
      card('0000:02:05.0', '0000:01:00.0'),
    ].join('\n');
    const { was } = expectSame(leak({ functions, steps: taken('0000:02:05.0') }));
    expect(was.device.get('0000:00:00.0')).toBe('0000:02:05.0');
  });

  it('by a module is not taken, nor another order of the boot', () => {
    expectSame(
      leak({
        ...PLAIN,
        drivers: ', module: pci_stub',
        more: `
  modules: [pci_stub]
  boot:
    - populate
    - { driver: pci-host-generic }
    - { driver: arm-smmu-v3 }`,
        steps: `  - modprobe: pci_stub\n${PLAIN.steps}`,
      }),
    );
  });

  it('by a function beside the other is not taken', () => {
    const functions = [
      card('0000:00:02.0', HOST, ', multifunction: on'),
      card('0000:00:02.1', HOST, ', multifunction: on'),
    ].join('\n');
    const steps = [
      taken('0000:00:02.1'),
      `  - driver_override: { dev: '0000:00:02.1', drv: null }`,
      `  - unbind: { dev: '0000:00:02.1' }`,
      taken('0000:00:02.0'),
    ].join('\n');
    expectSame(leak({ functions, steps }));
  });

  it('is taken where somebody wants it so', () => {
    const functions = [bridge('0000:00:02.0', HOST), card('0000:01:00.0', '0000:00:02.0')].join(
      '\n',
    );
    const inputs = leak({ functions, steps: taken('0000:01:00.0') });
    const hasBridge = ({ machine }: Inputs) => machine.devices.some(({ pci }) => pci?.header === 1);
    const target = { invariant: INVARIANT, subject: null };
    const found = minimize(inputs, target, { and: hasBridge });
    expect(found.inputs.machine.devices).toHaveLength(4);
    expect(hasBridge(found.inputs)).toBe(true);
  });
});
