import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../../src/error.ts';
import { devicetreeDevices } from '../../../src/model/firmware/devicetree.ts';
import { cellsOf, parseFdt, stringsOf } from '../../../src/model/firmware/fdt.ts';
import { blobOf, type Source } from './blob.ts';

/** The devices of a tree, IOMMUs as suppliers or not. */
function devicesOf(source: Source, strict = false) {
  return devicetreeDevices(parseFdt(blobOf(source)), { strict, amba: true });
}

const BOARD: Source = {
  '#address-cells': [2],
  '#size-cells': [2],
  'interrupt-parent': [1],
  psci: { compatible: 'arm,psci' },
  'intc@8000000': {
    compatible: 'arm,gic-v3',
    'interrupt-controller': null,
    '#interrupt-cells': [3],
    phandle: [1],
    reg: [0, 0x8000000, 0, 0x10000],
  },
  'apb-pclk': { compatible: 'fixed-clock', '#clock-cells': [0], phandle: [2] },
  memory: { device_type: 'memory' },
  'pl061@9030000': {
    compatible: ['arm,pl061', 'arm,primecell'],
    reg: [0, 0x9030000, 0, 0x1000],
    clocks: [2],
    interrupts: [0, 7, 4],
    '#gpio-cells': [2],
    phandle: [3],
  },
  'smmuv3@9050000': {
    compatible: 'arm,smmu-v3',
    reg: [0, 0x9050000, 0, 0x20000],
    '#iommu-cells': [1],
    'dma-coherent': null,
    phandle: [4],
  },
  'pcie@10000000': {
    compatible: 'pci-host-ecam-generic',
    device_type: 'pci',
    reg: [0x40, 0x10000000, 0, 0x10000000],
    'iommu-map': [0, 4, 0, 0x10000],
    'iommu-map-mask': [0xfff8],
  },
  soc: {
    compatible: 'simple-bus',
    ranges: [0x1000, 0, 0x50000000, 0x1000],
    '#address-cells': [1],
    '#size-cells': [1],
    'dma@1100': {
      compatible: 'x,dma',
      reg: [0x1100, 0x100],
      iommus: [4, 7],
      'reset-gpios': [3, 1, 0],
    },
    'off@1200': { compatible: 'x,off', reg: [0x1200, 0x100], status: 'disabled' },
    timer: { compatible: 'x,timer' },
  },
};

describe('the devices of a tree', () => {
  it('have the names, buses and order that the kernel gives them', () => {
    expect(devicesOf(BOARD).map(({ name, bus, parent }) => [name, bus, parent])).toEqual([
      ['psci', 'platform', null],
      ['9030000.pl061', 'amba', null],
      ['9050000.smmuv3', 'platform', null],
      ['4010000000.pcie', 'platform', null],
      ['soc', 'platform', null],
      ['50000100.dma', 'platform', 'soc'],
      ['50000200.off', 'platform', 'soc'],
      ['soc:timer', 'platform', 'soc'],
    ]);
  });

  it('wait for clocks and lines, not for what the kernel sets up early, nor here for IOMMUs', () => {
    const devices = devicesOf(BOARD);
    expect(devices.map(({ suppliers }) => suppliers ?? [])).toEqual([
      [],
      [],
      [],
      [],
      [],
      ['9030000.pl061'],
      [],
      [],
    ]);
    const strict = devicesOf(BOARD, true);
    expect(strict[3]?.suppliers).toBeUndefined();
    expect(strict[5]?.suppliers).toEqual(['9030000.pl061']);
  });

  it('know their IOMMUs', () => {
    const [, , smmu, pcie, , dma, off] = devicesOf(BOARD);
    expect(smmu).toMatchObject({ iommu_kind: 'arm-smmu-v3', dma_coherent: true });
    expect(pcie).toMatchObject({
      iommu_map: [{ rid_base: 0, iommu: '9050000.smmuv3', sid_base: 0, length: 0x10000 }],
      iommu_map_mask: 0xfff8,
      dma_coherent: false,
    });
    expect(dma?.iommus).toEqual([{ iommu: '9050000.smmuv3', ids: [7] }]);
    expect(off?.disabled).toBe(true);
  });

  it('name an IOMMU below the host bridge as the PCI function it is', () => {
    const devices = devicesOf({
      '#address-cells': [2],
      '#size-cells': [2],
      'pcie@10000000': {
        compatible: 'pci-host-ecam-generic',
        device_type: 'pci',
        reg: [0, 0x10000000, 0, 0x1000],
        'linux,pci-domain': [1],
        'iommu-map': [0, 5, 0, 8],
        'virtio_iommu@8,0': {
          compatible: 'virtio,pci-iommu',
          reg: [0x14000, 0, 0, 0, 0],
          phandle: [5],
        },
      },
    });
    expect(devices[0]?.iommu_map?.[0]?.iommu).toBe('0001:01:08.0');
  });
});

it('a supplier inside a chip stands for the chip', () => {
  const devices = devicesOf({
    pmic: { compatible: 'x,pmic', regulators: { ldo1: { phandle: [1] } } },
    user: { compatible: 'x,user', 'vdd-supply': [1] },
  });
  expect(devices[1]?.suppliers).toEqual(['pmic']);
});

it('reads properties back', () => {
  const root = parseFdt(blobOf({ a: [1, 0xffffffff], b: ['x', 'yy'], c: null }));
  expect(cellsOf(root, 'a')).toEqual([1, 0xffffffff]);
  expect(stringsOf(root, 'b')).toEqual(['x', 'yy']);
  expect([stringsOf(root, 'c'), cellsOf(root, 'd')]).toEqual([[], []]);
});

it('says where a blob is bad', () => {
  const blob = blobOf(BOARD);
  expect(() => parseFdt(blob.slice(0, 200), 'x.dtb')).toThrow(
    expect.objectContaining({ code: 'BAD_MACHINE', file: 'x.dtb' }),
  );
  expect(() => parseFdt(Uint8Array.of(1, 2, 3, 4))).toThrow(/at byte 0x0/);
});

it('reads any bytes or says why not', () => {
  const blob = blobOf(BOARD);
  const flips = fc.array(fc.tuple(fc.nat(blob.length - 1), fc.nat(255)), { maxLength: 6 });
  const broken = flips.map((changes) => {
    const copy = Uint8Array.from(blob);
    for (const [at, byte] of changes) copy[at] = byte;
    return copy;
  });
  fc.assert(
    fc.property(fc.oneof(broken, fc.uint8Array()), (bytes) => {
      try {
        devicetreeDevices(parseFdt(bytes), { strict: true, amba: true });
      } catch (error) {
        expect(error).toBeInstanceOf(ReprobeError);
      }
    }),
    { numRuns: 500 },
  );
});
