import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceSpec, SmmuRegisters } from '../../../src/events/machine.ts';
import { QEMU_SMMU_V3 } from '../../../src/model/firmware/known-registers.ts';
import {
  addressBits,
  coherentByRegister,
  featuresOfV2,
  pageSizes,
} from '../../../src/model/hardware/smmu-registers.ts';
import {
  addressBitsV3,
  featuresOfV3,
  queueShifts,
  refusedV3,
} from '../../../src/model/hardware/smmu-v3-registers.ts';
import { arm_smmu_find_sme } from '../../../src/model/kernel/arm-smmu-sme.ts';

const smmu = (registers: SmmuRegisters, over: Partial<DeviceSpec> = {}): DeviceSpec => ({
  name: '5000000.iommu',
  bus: 'platform',
  parent: null,
  ids: ['arm,mmu-500'],
  iommu_kind: 'arm-smmu',
  registers,
  ...over,
});
const NXP = { ID0: 0x7c013e80, ID1: 0xd0000040, ID2: 0x5555 };

describe('the id registers of an SMMU v2', () => {
  it('are those of the LS1028A', () => {
    const spec = smmu(NXP);
    const found = featuresOfV2(spec, 0);
    expect(found).toEqual({
      features: 0xe9e,
      streamid_mask: 0x7fff,
      groups: 128,
      contexts: 64,
      s2_contexts: 0,
    });
    expect(pageSizes(found.features)).toBe(0x61311000);
    expect(addressBits(spec)).toEqual({ va: 48, ipa: 48, pa: 48 });
    expect(coherentByRegister(spec)).toBe(false);
    expect(featuresOfV2(smmu(NXP, { dma_coherent: true }), 0).features).toBe(0xe9f);
  });

  it('lose a stage to force_stage', () => {
    expect(featuresOfV2(smmu(NXP), 1).features).toBe(0xe86);
    expect(featuresOfV2(smmu(NXP), 2).features).toBe(0xe8a);
  });

  it('mean less in version 1', () => {
    const v1 = smmu(NXP, { ids: ['arm,mmu-400'] });
    // Address translation operations, no 64-bit tables, addresses as wide as intermediate ones.
    expect(featuresOfV2(v1, 0).features).toBe(0xc3e);
    expect(featuresOfV2(smmu(NXP, { ids: ['arm,mmu-401'] }), 0).features).toBe(0xe3e);
    expect(addressBits(smmu({ ...NXP, ID2: 0x0520 }, { ids: ['arm,smmu-v1'] })).va).toBe(32);
  });

  it('have 16 bits of stream id where they are extended', () => {
    expect(featuresOfV2(smmu({ ...NXP, ID0: NXP.ID0 + 0x100 }), 0).streamid_mask).toBe(0xffff);
  });
});

describe('the id registers of an SMMU v3', () => {
  const v3 = (registers: SmmuRegisters, over: Partial<DeviceSpec> = {}) =>
    smmu(registers, { iommu_kind: 'arm-smmu-v3', ids: ['arm,smmu-v3'], ...over });

  it("are those of QEMU's", () => {
    const spec = v3(QEMU_SMMU_V3, { dma_coherent: true });
    expect(featuresOfV3(spec).features).toBe(0x8305);
    expect(featuresOfV3(v3(QEMU_SMMU_V3)).features).toBe(0x8205);
    expect(addressBitsV3(spec)).toEqual({ ias: 44, oas: 44 });
    expect(queueShifts(spec)).toEqual({ cmdq: 19, evtq: 19, priq: 0 });
    expect(coherentByRegister(spec)).toBe(true);
    expect(refusedV3(spec)).toBeNull();
  });

  it('can be such that nobody drives it', () => {
    const with0 = (IDR0: number) => refusedV3(v3({ ...QEMU_SMMU_V3, IDR0 }));
    expect(with0(QEMU_SMMU_V3.IDR0 ?? 0)).toBeNull();
    expect(with0(0x0d401018)).toBe('no translation support!');
    expect(with0(0x0d401012)).toBe('AArch64 table format not supported!');
    expect(with0(0x0d60101a)).toBe('unknown/unsupported TT endianness!');
    expect(refusedV3(v3({ ...QEMU_SMMU_V3, IDR1: 0x42730010 }))).toBe(
      'embedded implementation not supported',
    );
    expect(refusedV3(v3({ ...QEMU_SMMU_V3, IDR1: 0x00d30010 }))).toBe(
      'command queue size <= 64 entries not supported',
    );
    expect(refusedV3(v3({ ...QEMU_SMMU_V3, IDR1: 0x00f30010 }))).toBeNull();
  });

  it('have one table where two levels would not be worth it', () => {
    const spec = v3({ ...QEMU_SMMU_V3, IDR1: 0x02730008 });
    expect(featuresOfV3(spec).features & 1).toBe(0);
  });
});

describe('arm_smmu_find_sme', () => {
  const stream = fc.record({ id: fc.nat(0xff), mask: fc.nat(0xf) });
  it('never lets a stream match two entries', () => {
    fc.assert(
      fc.property(fc.array(stream, { maxLength: 12 }), (streams) => {
        const entries: Parameters<typeof arm_smmu_find_sme>[0][number][] = [];
        for (const one of streams) {
          const index = arm_smmu_find_sme(entries, 8, one);
          if (index >= 0 && !entries.some((entry) => entry.index === index))
            entries.push({ index, ...one, does: 'fault', context: null, count: 1 });
        }
        for (let id = 0; id <= 0xff; id += 1) {
          const hits = entries.filter((entry) => ((id ^ entry.id) & ~entry.mask) === 0);
          expect(hits.length).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});
