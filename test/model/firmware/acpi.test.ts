import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../../src/error.ts';
import { parseDmar, ridOf } from '../../../src/model/firmware/dmar.ts';
import { parseIort } from '../../../src/model/firmware/iort.ts';
import { bytes } from './hex.ts';

/** An interrupt controller, an SMMUv3 at 0x9050000 and a root complex with two mappings. */
const IORT = bytes(`
  494f5254 ec000000 034d424f 43485320 42585043 20202020 01000000 42585043
  01000000 03000000 30000000 00000000
  00180001 00000000 00000000 00000000 01000000 00000000
  04580004 01000000 01000000 44000000 00000509 00000000 01000000 00000000
  00000000 00000000 00000000 6a000000 6b000000 6d000000 6c000000 00000000
  00000000 00000000 ffff0000 00000000 30000000 00000000
  024c0003 02000000 02000000 24000000 01000000 00000003 00000000 00000000
  40000000 00000000 00050000 00000000 48000000 00000000 00050000 fffa0000
  00050000 30000000 00000000`);

const DMAR = bytes(`
  444d4152 58000000 01000000 00000000 00000000 00000000 00000000 00000000
  00000000 26010000 00000000 00000000
  00002800 00000000 0000d9fe 00000000
  01080000 00000000 01080000 00001f02 02080000 00000100`);

describe('an IORT', () => {
  it('gives SMMUs and what goes through them, each id in one row', () => {
    expect(parseIort(IORT)).toEqual({
      maker: 'BOCHS ',
      devices: [
        {
          name: 'arm-smmu-v3.0.auto',
          bus: 'platform',
          parent: null,
          ids: ['platform:arm-smmu-v3'],
          iommu_kind: 'arm-smmu-v3',
          dma_coherent: true,
        },
      ],
      rootComplexes: [
        {
          segment: 0,
          iommu_map: [{ rid_base: 0, iommu: 'arm-smmu-v3.0.auto', sid_base: 0, length: 0x500 }],
          dma_coherent: true,
        },
      ],
      components: [],
      rmrs: [],
    });
  });

  it('says where it is bad', () => {
    expect(() => parseIort(IORT.slice(0, 100), 'i.bin')).toThrow(
      expect.objectContaining({ code: 'BAD_MACHINE', file: 'i.bin' }),
    );
  });
});

describe('a DMAR', () => {
  it('gives units and the functions in their scopes, bridges with what lies behind', () => {
    const bridge = new Uint8Array(256);
    bridge.set([0x01], 0x0e);
    bridge.set([0, 1, 2], 0x18);
    const { devices, iommu_map } = parseDmar(DMAR, [{ name: '0000:00:01.0', bytes: bridge }]);
    expect(devices).toMatchObject([{ name: 'dmar0', iommu_kind: 'intel' }]);
    expect(iommu_map.map(({ rid_base, length }) => [rid_base, length])).toEqual([
      [0, 1],
      [0xfa, 1],
      [0x08, 1],
      [0x100, 0x200],
    ]);
  });

  it('counts requester ids as PCI does', () => {
    expect([ridOf('0000:00:1f.2'), ridOf('0000:02:00.1'), ridOf('x')]).toEqual([0xfa, 0x201, -1]);
  });
});

it.each([
  ['IORT', IORT, (table: Uint8Array) => parseIort(table)],
  ['DMAR', DMAR, (table: Uint8Array) => parseDmar(table, [])],
])('reads any bytes or says why not: %s', (_, table, parse) => {
  const flips = fc.array(fc.tuple(fc.nat(table.length - 1), fc.nat(255)), { maxLength: 4 });
  const broken = flips.map((changes) => {
    const copy = Uint8Array.from(table);
    for (const [at, byte] of changes) copy[at] = byte;
    return copy;
  });
  fc.assert(
    fc.property(fc.oneof(broken, fc.uint8Array()), (any) => {
      try {
        parse(any);
      } catch (error) {
        expect(error).toBeInstanceOf(ReprobeError);
      }
    }),
    { numRuns: 500 },
  );
});
