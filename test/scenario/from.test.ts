// Tests machines that come from firmware: what is written beside it is added, or changes it.
import { describe, expect, it } from 'vitest';
import { runAll } from '../../src/engine/run.ts';
import { ReprobeError } from '../../src/error.ts';
import { readFirmware } from '../../src/model/firmware/firmware.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { blobOf } from '../model/firmware/blob.ts';
import { component, iortOf, rmr, rootComplex, smmu } from '../model/firmware/iort-table.ts';

const BOARD = blobOf({
  '#address-cells': [1],
  '#size-cells': [1],
  'clock@100': { compatible: 'x,clock', reg: [0x100, 1], '#clock-cells': [0], phandle: [1] },
  'iommu@5000000': {
    ...{ compatible: 'arm,mmu-500', reg: [0x5000000, 1], '#iommu-cells': [1], phandle: [2] },
    clocks: [1],
  },
  'dma@1000': { compatible: 'x,dma', reg: [0x1000, 1], iommus: [2, 7] },
  'pcie@4000': {
    ...{ compatible: 'pci-host-ecam-generic', device_type: 'pci', reg: [0x4000, 1] },
    'iommu-map': [0, 2, 0x10, 0x10],
  },
});

const TABLE = iortOf([
  smmu(3, 0, 4),
  component('\\_SB.GPU0', [{ out: 0x20, to: 0, single: true }]),
  rootComplex(0, [{ first: 0, count: 0x100, out: 0x100, to: 0 }]),
  rmr(0, 0x80000000, 0x10000, [{ out: 0x108, to: 0 }]),
]);

const files: Readonly<Record<string, Uint8Array>> = { 'b.dtb': BOARD, IORT: TABLE };

function parse(machine: string) {
  const text = `schema: 1\nname: x\nkernel: '6.1'\nmachine: ${machine}\nsteps: [boot]\n`;
  return parseScenario(text, 'x.yaml', {
    ...driverKnowledge,
    firmware: (path) => readFirmware(files[path] ?? new Uint8Array(), path),
  });
}

function groupsOf(machine: string) {
  const { kernel, machine: parsed, steps } = parse(machine);
  const { state } = runAll({ machine: parsed, kernel }, steps, { choices: [] });
  const groups = Object.values(state.devices).map(({ name, iommu_group }) => [name, iommu_group]);
  return Object.fromEntries(groups.filter(([, group]) => group !== null));
}

describe('a machine from a devicetree', () => {
  it('has a driver for everything', () => {
    expect(groupsOf('{ from: b.dtb }')).toEqual({ '1000.dma': 0 });
    expect(parse('{ from: b.dtb }').machine.firmware).toBe('devicetree');
  });

  it('takes devices that are written beside', () => {
    const card =
      "{ name: '0000:00:01.0', parent: 4000.pcie, pci: { id: '8086:10d3', class: 0x020000 } }";
    const groups = groupsOf(`{ from: b.dtb, devices: [${card}] }`);
    expect(groups).toEqual({ '0000:00:01.0': 0, '1000.dma': 1 });
  });

  it('differs where a device of its own is written', () => {
    const { devices } = parse(
      '{ from: b.dtb, devices: [{ name: 1000.dma, disabled: true }] }',
    ).machine;
    expect(devices.find(({ name }) => name === '1000.dma')).toMatchObject({
      ...{ bus: 'platform', ids: ['x,dma'], disabled: true },
      iommus: [{ iommu: '5000000.iommu', ids: [7] }],
    });
    expect(devices.filter(({ name }) => name === '1000.dma')).toHaveLength(1);
  });

  it('leaves to drivers that are written what they match', () => {
    const fails = '{ name: clk, bus: platform, ids: [x,clock], outcome: -ENODEV }'.replace(
      'x,clock',
      "'x,clock'",
    );
    expect(groupsOf(`{ from: b.dtb, drivers: [${fails}] }`)).toEqual({});
    const { drivers } = parse(`{ from: b.dtb, drivers: [${fails}] }`).machine;
    expect(drivers.map(({ name }) => name)).toEqual([
      'clk',
      'arm-smmu',
      'pci-host-generic',
      'unnamed-client',
    ]);
  });

  it.each([
    ['its own kind of firmware', '{ from: b.dtb, firmware: acpi }', /says what firmware it has/],
    ['a file that is none', '{ from: c.dtb }', /at byte 0x0/],
  ])('is refused with %s', (_, machine, message) => {
    expect(() => parse(machine)).toThrow(message);
    expect(() => parse(machine)).toThrow(ReprobeError);
  });
});

it('a machine from an IORT reserves memory for functions that are written beside it', () => {
  const card =
    "{ name: '0000:00:01.0', parent: 'pci0000:00', pci: { id: '8086:10d3', class: 0x020000 } }";
  const { devices, firmware } = parse(`{ from: IORT, devices: [${card}] }`).machine;
  expect(firmware).toBe('acpi');
  expect(devices.find(({ pci }) => pci !== undefined)?.reserved).toMatchObject([
    { type: 'direct', via: 'rmr', start: 0x80000000 },
  ]);
  const drivers = '[{ name: gpu, bus: platform, ids: ["acpi:GPU0:"] }, e1000e]';
  expect(groupsOf(`{ from: IORT, devices: [${card}], drivers: ${drivers} }`)).toMatchObject({
    GPU0: expect.any(Number),
    '0000:00:01.0': expect.any(Number),
  });
});

it('without files a machine comes from nowhere', () => {
  const text = "name: x\nkernel: '6.1'\nmachine: { from: b.dtb }\n";
  expect(() => parseScenario(text, 'x.yaml', driverKnowledge)).toThrow(/there are no files/);
});
