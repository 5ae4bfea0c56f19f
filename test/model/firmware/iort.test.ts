// Tests what an IORT says beside SMMUs and requester ids: named devices, chains of nodes, memory that
// firmware keeps, and that no table makes the reader crash or go on without end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFirmware } from '../../../src/model/firmware/firmware.ts';
import { parseIort } from '../../../src/model/firmware/iort.ts';
import { survives } from './broken.ts';
import { component, iortOf, its, rmr, rootComplex, smmu, smmuV3 } from './iort-table.ts';

const SMMU = 'arm-smmu.0.auto';

describe('an IORT', () => {
  it('gives an SMMU its model, interrupts and coherency', () => {
    const { devices } = parseIort(iortOf([smmu(3, 2, 5), smmu(9, 0, 0), smmuV3(1), smmuV3(0)]));
    expect(devices).toMatchObject([
      { name: SMMU, ids: ['platform:arm-smmu', 'iort-model:mmu-500'], dma_coherent: true },
      { name: 'arm-smmu.1.auto', ids: ['platform:arm-smmu'], dma_coherent: false },
      { name: 'arm-smmu-v3.2.auto', iommu_kind: 'arm-smmu-v3', dma_coherent: true },
      { name: 'arm-smmu-v3.3.auto', dma_coherent: false },
    ]);
    expect(devices[0]).toMatchObject({ context_irqs: 5 });
  });

  it('names components by the last part of their path, with the ids of single mappings', () => {
    const { components } = parseIort(
      iortOf([
        smmu(1, 0, 0),
        component('\\_SB.DMA0', [
          { out: 7, to: 0, single: true },
          { out: 8, to: 0, single: true },
        ]),
        component('\\NET1', []),
      ]),
    );
    expect(components).toMatchObject([
      {
        ...{ name: 'DMA0', bus: 'platform', ids: ['acpi:DMA0:'], dma_coherent: true },
        iommus: [
          { iommu: SMMU, ids: [7] },
          { iommu: SMMU, ids: [8] },
        ],
      },
      { name: 'NET1' },
    ]);
    expect(components[1]?.iommus).toBeUndefined();
  });

  it('follows ids through nodes between, and stops at the SMMU, not at the ITS behind it', () => {
    const { rootComplexes } = parseIort(
      iortOf([
        its,
        smmuV3(1, [{ count: 0x10000, out: 0, to: 0 }]),
        component('\\BR', [{ first: 0x100, count: 0x20, out: 0x1000, to: 1 }]),
        rootComplex(0, [
          { first: 0, count: 0x10, out: 0x110, to: 2 },
          { first: 0x10, count: 8, out: 0x500, to: 2 },
          { first: 0x20, count: 4, out: 0, to: 0 },
        ]),
      ]),
    );
    expect(rootComplexes[0]?.iommu_map).toEqual([
      { rid_base: 0, iommu: 'arm-smmu-v3.0.auto', sid_base: 0x1010, length: 0x10 },
    ]);
  });

  it('has a root complex that is one stream ignore which function asks', () => {
    const { devices } = readFirmware(
      iortOf([smmu(1, 0, 0), rootComplex(1, [{ out: 9, to: 0, single: true }])]),
      'IORT',
    );
    expect(devices[1]).toMatchObject({
      ...{ name: 'pci0001:00', bus: '', iommu_map_mask: 0 },
      iommu_map: [{ rid_base: 0, iommu: SMMU, sid_base: 9, length: 0x10000 }],
    });
  });

  it('reserves memory for the devices that have the ids, from revision 5 on', () => {
    const nodes = [
      smmu(1, 0, 0),
      component('\\GPU0', [{ out: 0x20, to: 0, single: true }]),
      component('\\DMA0', [{ out: 0x30, to: 0, single: true }]),
      rmr(0, 0x8000_0000, 0x10000, [{ count: 2, out: 0x1f, to: 0 }]),
      rmr(1, 0x9000_0000, 0x10000, [{ out: 0x30, to: 0 }]),
    ];
    const reserved = (revision: number) =>
      readFirmware(iortOf(nodes, revision), 'IORT').devices.map((device) => device.reserved);
    expect(reserved(5)).toEqual([
      undefined,
      [{ type: 'direct', via: 'rmr', start: 0x8000_0000, length: 0x10000 }],
      [{ type: 'direct-relaxable', via: 'rmr', start: 0x9000_0000, length: 0x10000 }],
    ]);
    expect(reserved(3)).toEqual([undefined, undefined, undefined]);
  });

  it('is not followed in circles', () => {
    const { components } = parseIort(
      iortOf([
        component('\\A', [{ count: 4, out: 0, to: 1 }]),
        component('\\B', [{ count: 4, out: 0, to: 0 }]),
      ]),
    );
    expect(components.map(({ iommus }) => iommus)).toEqual([undefined, undefined]);
  });

  it.each([
    ['mappings that do not fit', (table: Uint8Array) => table.set([0xff, 0xff], 48 + 52 + 8)],
    ['a node without a header', (table: Uint8Array) => table.set([3, 0], 49)],
    ['hostile counts', (table: Uint8Array) => table.set([0xff, 0xff, 0xff, 0xff], 36)],
  ])('says where it has %s', (_, spoil) => {
    const table = iortOf([smmu(1, 0, 0), rootComplex(0, [{ out: 1, to: 0 }])]);
    spoil(table);
    expect(() => parseIort(table, 'i.bin')).toThrow(
      expect.objectContaining({
        ...{ code: 'BAD_MACHINE', file: 'i.bin' },
        message: expect.stringMatching(/^at byte 0x[0-9a-f]+: /),
      }),
    );
  });
});

it('reads any broken table and boots it, or says where it is broken', () => {
  const table = iortOf([
    its,
    smmu(3, 2, 5),
    smmuV3(1, [{ count: 0x100, out: 0, to: 0 }]),
    component('\\_SB.DMA0', [{ out: 7, to: 1, single: true }]),
    rootComplex(0, [
      { count: 0x10, out: 0x100, to: 1 },
      { first: 0x10, count: 0x10, out: 0, to: 2 },
    ]),
    rmr(0, 0x8000_0000, 0x10000, [{ out: 7, to: 1 }]),
  ]);
  fc.assert(survives(table, 'IORT'), { numRuns: 300 });
});
