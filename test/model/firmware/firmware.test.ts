// Tests how a board is read from its devicetree: what the properties say of IOMMUs, which functions and
// devices there are below, which nodes become none, and that no blob crashes the reader or the boot.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import type { DeviceSpec } from '../../../src/events/machine.ts';
import {
  FIRMWARE_BYTES_MAX,
  isFirmware,
  readFirmware,
} from '../../../src/model/firmware/firmware.ts';
import { boardScenario } from '../../../src/scenario/board.ts';
import { blobOf, type Source } from './blob.ts';
import { survives } from './broken.ts';

function read(source: Source) {
  return readFirmware(blobOf({ '#address-cells': [1], '#size-cells': [1], ...source }), 'b.dtb');
}

function device(source: Source, name: string): DeviceSpec | undefined {
  return read(source).devices.find((one) => one.name === name);
}

const GIC: Source = {
  compatible: 'arm,gic-v3',
  'interrupt-controller': null,
  '#interrupt-cells': [3],
  phandle: [1],
};

const smmu = (more: Source = {}): Source => ({
  compatible: 'arm,mmu-500',
  reg: [0x5000000, 0x1000],
  '#iommu-cells': [1],
  '#global-interrupts': [2],
  'interrupt-parent': [1],
  interrupts: [0, 1, 4, 0, 2, 4, 0, 3, 4, 0, 4, 4, 0, 5, 4],
  phandle: [2],
  ...more,
});

describe('an SMMU', () => {
  it('has interrupts for all of it and for its contexts, and a mask for all its streams', () => {
    const tree = { gic: GIC, 'iommu@5000000': smmu({ 'stream-match-mask': [0x7c00] }) };
    expect(device(tree, '5000000.iommu')).toMatchObject({
      ...{ iommu_kind: 'arm-smmu', dma_coherent: false },
      ...{ context_irqs: 3, stream_match_mask: 0x7c00 },
    });
  });

  it('of two cells tells ids from masks', () => {
    const tree = {
      'iommu@5000000': smmu({ '#iommu-cells': [2] }),
      'gpu@1000': { compatible: 'x,gpu', reg: [0x1000, 1], iommus: [2, 8, 0xf, 2, 0x20, 0] },
    };
    expect(device(tree, '1000.gpu')?.iommus).toEqual([
      { iommu: '5000000.iommu', ids: [8], masks: [0xf] },
      { iommu: '5000000.iommu', ids: [0x20], masks: [0] },
    ]);
  });

  it('may list its masters', () => {
    const tree = {
      'iommu@5000000': smmu({ 'mmu-masters': [3, 0x10, 0x11] }),
      'dma@1000': { compatible: 'x,dma', reg: [0x1000, 1], '#stream-id-cells': [2], phandle: [3] },
    };
    expect(device(tree, '5000000.iommu')?.mmu_masters).toBe(true);
    expect(device(tree, '1000.dma')?.iommus).toEqual([
      { iommu: '5000000.iommu', ids: [0x10, 0x11] },
    ]);
  });
});

it('reserved memory is 1:1 where a device uses it at its own addresses', () => {
  const tree = {
    'reserved-memory': {
      ...{ '#address-cells': [1], '#size-cells': [1], ranges: null },
      'fb@80000000': {
        reg: [0x80000000, 0x1000],
        'iommu-addresses': [3, 0x80000000, 0x1000],
        phandle: [4],
      },
      'hole@0': { 'iommu-addresses': [9, 0, 1, 3, 0x1000, 0x2000], phandle: [5] },
    },
    'other@2000': { compatible: 'x,other', reg: [0x2000, 1], phandle: [9] },
    'gpu@1000': { compatible: 'x,gpu', reg: [0x1000, 1], 'memory-region': [4, 5], phandle: [3] },
  };
  expect(device(tree, '1000.gpu')?.reserved).toEqual([
    { type: 'direct', via: 'dt', start: 0x80000000, length: 0x1000 },
    { type: 'reserved', via: 'dt', start: 0x1000, length: 0x2000 },
  ]);
  expect(device(tree, '2000.other')?.reserved).toBeUndefined();
});

const SOC: Source = {
  'iommu@5000000': smmu(),
  'pcie@3000': {
    ...{ compatible: 'x,dw-pcie', device_type: 'pci', reg: [0x3000, 1], 'bus-range': [0, 9] },
    'port@0,0': {
      ...{ device_type: 'pci', reg: [0, 0, 0, 0, 0], 'external-facing': null },
      'wifi@0,0': { compatible: 'pci168c,0042', reg: [0x10000, 0, 0, 0, 0] },
    },
  },
  'pcie@4000': {
    compatible: 'pci-host-ecam-generic',
    ...{ device_type: 'pci', reg: [0x4000, 1], 'dma-coherent': null },
    'iommu-map': [0, 2, 0x17, 0xe],
    'ethernet@0,0': { compatible: ['pci1957,e100', 'pciclass,0200'], reg: [0, 0, 0, 0, 0] },
    'ethernet@0,1': { compatible: 'fsl,enetc', reg: [0x100, 0, 0, 0, 0], status: 'disabled' },
    'rcec@1f,0': { reg: [0xf800, 0, 0, 0, 0] },
  },
};

describe('PCI functions with nodes', () => {
  const { devices } = read(SOC);
  const of = (name: string) => devices.find((one) => one.name === name);

  it('have the bus numbers of a first scan, the generic host bridge the first domain', () => {
    const functions = devices.flatMap(({ name, parent, pci }) => (pci ? [[name, parent]] : []));
    expect(functions).toEqual([
      ['0001:00:00.0', '3000.pcie'],
      ['0001:01:00.0', '0001:00:00.0'],
      ['0000:00:00.0', '4000.pcie'],
      ['0000:00:00.1', '4000.pcie'],
      ['0000:00:1f.0', '4000.pcie'],
    ]);
  });

  it('are what their compatible strings say', () => {
    expect(of('0000:00:00.0')).toMatchObject({
      pci: {
        vendor: 0x1957,
        device: 0xe100,
        class: 0x020000,
        pcie: 'rc-endpoint',
        multifunction: true,
      },
      dma_coherent: true,
      ids: [
        'pci:v00001957d0000E100sv00000000sd00000000bc02sc00i00',
        'pci1957,e100',
        'pciclass,0200',
      ],
    });
    expect(of('0000:00:00.1')).toMatchObject({ of_disabled: true, ids: ['fsl,enetc'] });
    expect(of('0000:00:1f.0')).toMatchObject({ pci: { multifunction: false } });
    expect(of('0001:00:00.0')).toMatchObject({
      external_facing: true,
      pci: { header: 1, class: 0x060400, pcie: 'root-port' },
    });
    expect(of('0001:01:00.0')).toMatchObject({ pci: { vendor: 0x168c, pcie: 'endpoint' } });
  });
});

it('what a driver makes of the nodes below its own is what it creates', () => {
  const tree = {
    'iommu@5000000': smmu(),
    'usb@1000': {
      ...{ compatible: 'qcom,dwc3', reg: [0x1000, 1], '#address-cells': [1], '#size-cells': [1] },
      ranges: null,
      'usb@1100': { compatible: 'snps,dwc3', reg: [0x1100, 1], iommus: [2, 4] },
    },
  };
  expect(device(tree, '1000.usb')?.creates).toMatchObject([
    { name: '1100.usb', parent: '1000.usb', iommus: [{ iommu: '5000000.iommu', ids: [4] }] },
  ]);
});

it('says why a node behind an IOMMU has no device', () => {
  const { unmade } = read({
    'iommu@5000000': smmu(),
    dsp: {
      compatible: 'x,dsp',
      cb: {
        compatible: 'x,cb',
        iommus: [2, 1],
        edge: { compatible: 'x,edge', a: { iommus: [2, 5] } },
      },
      nameless: { iommus: [2, 2] },
      off: { compatible: 'x,cb', status: 'disabled', iommus: [2, 3] },
    },
    gone: { status: 'fail', compatible: 'x', below: { compatible: 'x,cb', iommus: [2, 4] } },
    plain: { a: { compatible: 'x,cb', iommus: [2, 6] } },
  });
  const iommu = '5000000.iommu';
  const drivers = (way: string) => `drivers make its device, and the model has none: ${way}`;
  expect(unmade).toEqual([
    { node: '/dsp/cb', iommu, why: drivers('dsp (x,dsp)') },
    { node: '/dsp/cb/edge/a', iommu, why: drivers('dsp (x,dsp), then x,cb, then x,edge') },
    { node: '/dsp/nameless', iommu, why: drivers('dsp (x,dsp)') },
    { node: '/dsp/off', iommu, why: "its status is 'disabled'" },
    { node: '/gone/below', iommu, why: "/gone: its status is 'fail'" },
    {
      node: '/plain/a',
      iommu,
      why: 'no bus leads to it: neither firmware code nor a driver looks there',
    },
  ]);
});

describe('dependencies without end', () => {
  /** Clocks, each named by its number, and the numbers of those that it needs. */
  const clocks = (needs: readonly (readonly number[])[]) =>
    read(
      Object.fromEntries(
        needs.map((of, i) => [
          `clock@${(i + 1).toString(16)}`,
          {
            ...{ compatible: 'x,clock', reg: [i + 1, 1], '#clock-cells': [0], phandle: [i + 1] },
            clocks: of.map((one) => one + 1),
          },
        ]),
      ),
    );
  const layers = 30;

  it.each([
    ['a billion ways', Array.from({ length: layers * 2 }, (_, i) => [(i | 1) + 1, (i | 1) + 2])],
    ['each needs all others', Array.from({ length: 24 }, () => Array.from({ length: 24 }).keys())],
  ])('are walked in bounded time: %s', (_, needs) => {
    const firmware = clocks(needs.map((of) => [...of].map((one) => one % needs.length)));
    const { machine, kernel, steps } = boardScenario(firmware, 'b.dtb');
    const { state } = runAll({ machine, kernel }, steps, { choices: [] });
    expect(Object.values(state.devices).filter(({ bound }) => bound)).toHaveLength(needs.length);
  });

  it('are refused past what any board has', () => {
    expect(() => clocks(Array.from({ length: 2049 }, () => []))).toThrow(
      'at byte 0x0: 2049 devices, more than the 2048 of any board',
    );
  });
});

describe('a file', () => {
  it('is firmware by its first bytes', () => {
    expect(isFirmware(blobOf({}))).toBe(true);
    expect(isFirmware(new TextEncoder().encode('IORT'))).toBe(true);
    expect(isFirmware(new TextEncoder().encode('machine:'))).toBe(false);
    expect(isFirmware(Uint8Array.of(0xd0))).toBe(false);
  });

  it('that is neither, or longer than a kernel takes, is refused', () => {
    expect(() => readFirmware(Uint8Array.of(1, 2, 3, 4), 'x')).toThrow(/at byte 0x0: neither/);
    const long = new Uint8Array(FIRMWARE_BYTES_MAX + 1);
    expect(() => readFirmware(long, 'x')).toThrow(/no kernel takes a longer blob/);
  });
});

it('reads any broken blob and boots it, or says where it is broken', () => {
  fc.assert(survives(blobOf({ '#address-cells': [1], gic: GIC, soc: SOC, ...SOC }), 'b.dtb'), {
    numRuns: 300,
  });
});
