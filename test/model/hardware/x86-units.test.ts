// Registers of VT-d units and features of AMD's IOMMUs, against what kernels printed of them.
import { describe, expect, it } from 'vitest';
import type { VtdUnit } from '../../../src/events/iommu-units.ts';
import { parseDmar } from '../../../src/model/firmware/dmar.ts';
import { qemuVirtioIommu, qemuVtd } from '../../../src/model/firmware/qemu-units.ts';
import { featureNames, hasVirtualApic, hasX2apic } from '../../../src/model/hardware/amd-vi.ts';
import {
  domainIds,
  guestAddressBits,
  hasCachingMode,
  hasExtendedInterruptMode,
  hasQueuedInvalidation,
  hasScalableMode,
  remapsInterrupts,
  supportsTranslation,
  unlikeFeatures,
} from '../../../src/model/hardware/vt-d.ts';
import { bytes } from '../firmware/hex.ts';

const unit = (cap: string, ecap: string): VtdUnit => ({
  base: '0xfed90000',
  include_all: false,
  ver: '1:0',
  cap,
  ecap,
});
const described = (cap: string, ecap: string) => ({ name: 'dmar0', unit: unit(cap, ecap) });

describe('the registers of a VT-d unit', () => {
  // DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap d2008c22260286 ecap f00f4e: QEMU, 6.1.
  // DMAR: dmar0: Number of Domains supported <65536>
  it('are those of QEMU', () => {
    const qemu = unit('0xd2008c22260286', '0xf00f4e');
    expect(guestAddressBits(qemu)).toBe(39);
    expect(domainIds(qemu)).toBe(65536);
    expect(supportsTranslation(qemu)).toBe(true);
    expect(hasQueuedInvalidation(qemu)).toBe(true);
    expect(remapsInterrupts(qemu)).toBe(true);
    expect(hasExtendedInterruptMode(qemu)).toBe(false);
    expect(hasScalableMode(qemu)).toBe(false);
    const spec = { name: 'dmar0', bus: '', parent: null, ids: [] };
    expect(hasCachingMode({ ...spec, vtd: qemu })).toBe(true);
    expect(hasCachingMode({ ...spec, vtd: qemu, caching_mode: false })).toBe(false);
  });

  // DMAR: dmar1: reg_base_addr f4ffe000 ver 1:0 cap d2078c106f0462 ecap f020fe: HP DL388p Gen8.
  it('are those of a server whose interrupts carry ids of x2APIC', () => {
    const hp = unit('0xd2078c106f0462', '0xf020fe');
    expect(guestAddressBits(hp)).toBe(48);
    expect(domainIds(hp)).toBe(256);
    expect(hasExtendedInterruptMode(hp)).toBe(true);
    expect(hasCachingMode({ name: '', bus: '', parent: null, ids: [], vtd: hp })).toBe(false);
  });

  it('may have first-level tables alone, or none', () => {
    expect(supportsTranslation(unit('0x0', '0x0'))).toBe(false);
    expect(supportsTranslation(unit('0x0', '0x80000000000'))).toBe(true);
    expect(supportsTranslation(unit('0x0', '0x480000000000'))).toBe(false);
  });

  // DMAR: IOMMU feature sc_support inconsistent: Lenovo Meteor Lake, 6.11, between these two units.
  it('are compared with those of the first unit', () => {
    const [gpu, rest] = [
      described('0xc9de008cee690462', '0x12ca9a00f0ef5e'),
      described('0xc9de008cee690462', '0x12ca9a00f0efde'),
    ];
    expect(unlikeFeatures([gpu, rest], 'translation')).toEqual(['sc_support']);
    expect(unlikeFeatures([gpu, rest], 'interrupts')).toEqual([]);
    expect(unlikeFeatures([gpu, gpu], 'translation')).toEqual([]);
    const noEim = described('0xc9de008cee690462', '0x12ca9a00f0efce');
    expect(unlikeFeatures([rest, noEim], 'interrupts')).toEqual(['eim_support']);
  });
});

describe('the features of an AMD IOMMU', () => {
  it.each([
    // AMD Chromebook, 6.10.
    ['0x4f77ef22294ada', ' PPR NX GT IA GA PC GA_vAPIC'],
    // ASUS G14, 6.12.
    ['0x246577efa2254afa', ' PPR NX GT [5] IA GA PC GA_vAPIC'],
    // Lenovo 82XT, 6.15: without virtual APIC.
    ['0x246577efa2054ada', ' PPR NX GT IA GA PC'],
    ['0x0', ''],
  ])('of %s are%s', (efr, names) => {
    expect(featureNames(efr)).toBe(names);
    expect(hasVirtualApic(efr)).toBe(names.includes('GA_vAPIC'));
  });

  // AMD-Vi: X2APIC enabled: HP M01 with the features 0x206d73ef22254ade, 5.12.
  it('tell x2APIC mode', () => {
    expect(hasX2apic('0x206d73ef22254ade')).toBe(true);
    expect(hasX2apic('0x4f77ef22294ada')).toBe(false);
  });
});

describe('a unit of QEMU', () => {
  /** The table of a q35 machine with `intremap=on,device-iotlb=on`, one port in the unit's scope. */
  const DMAR = bytes(`
    444d4152 58000000 0100424f 43485320 42585043 20202020 01000000 42585043
    01000000 26010000 00000000 00000000
    00002000 00000000 0000d9fe 00000000
    03080000 00ff0000 02080000 00000100
    02000800 01000000`);
  const dmar = parseDmar(DMAR, []);
  const vtdOf = (options: Readonly<Record<string, string>>) => {
    const [first] = dmar.units;
    return first === undefined ? null : qemuVtd(first, dmar, new Map(Object.entries(options)));
  };

  it('is told by the table and the options', () => {
    expect(dmar).toMatchObject({
      maker: 'BOCHS ',
      intr_remap: true,
      table: { width: 39, atsr: [1] },
      units: [{ base: '0xfed90000', include_all: false, ioapics: [0] }],
    });
    expect(vtdOf({ intremap: 'on', 'caching-mode': 'on', 'device-iotlb': 'on' })).toEqual({
      ...unit('0xd2008c22260286', '0xf00f4e'),
      ioapics: [0],
    });
    expect(vtdOf({})?.cap).toBe('0xd2008c22260206');
    expect(vtdOf({ 'dma-drain': 'off', pt: 'off' })).toMatchObject({
      cap: '0x12008c22260206',
      ecap: '0xf00f0e',
    });
    expect(vtdOf({ eim: 'on' })?.ecap).toBe('0xf00f5e');
  });

  it('is not known with options of which nobody knows what they do', () => {
    expect(vtdOf({ 'x-scalable-mode': 'on' })).toBeNull();
    expect(qemuVirtioIommu(new Map([['granule', 'host']]))).toBeNull();
  });

  it('lets endpoints pass that are attached to nothing, unless told not to', () => {
    expect(qemuVirtioIommu(new Map([['addr', '8']]))?.bypass).toBe(true);
    expect(qemuVirtioIommu(new Map([['boot-bypass', 'off']]))?.bypass).toBe(false);
  });
});
