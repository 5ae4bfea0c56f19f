// VT-d and AMD-Vi: what their drivers print of units and of faults.
import { describe, expect, it } from 'vitest';
import type { DeviceSpec } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { hasContextTable } from '../../../src/model/hardware/x86-unit.ts';
import { amd_iommu_report_page_fault } from '../../../src/model/kernel/amd-iommu.ts';
import { type Changes, runScenario } from '../scenario-run.ts';
import { stepsOf } from '../steps-of.ts';

const VTD = 'a-card-that-waits-for-its-container-reads-behind-vt-d';
const AMD = 'a-card-that-waits-for-its-container-reads-behind-amd-vi';
const CARD = '0000:03:00.0';

const prints = (name: string, changes: Changes = {}): readonly string[] =>
  runScenario(name, changes).scheduler.events.flatMap(({ event }) =>
    event.type === 'printk' ? [event.text] : [],
  );
const reads = (addr: number): Stimulus => ({
  do: 'dma',
  dev: CARD,
  addr,
  write: false,
  cacheable: true,
});

describe("AMD's IOMMUs", () => {
  it('block before they say what they can', () => {
    const { events } = runScenario(AMD).trace();
    const on = events.findIndex(
      ({ event }) => event.type === 'x86_unit.written' && event.what === 'translation' && event.on,
    );
    const says = events.findIndex(({ stack }) => stack.includes('print_iommu_info'));
    expect(events[on]?.stack).toContain('init_device_table_dma');
    expect(says).toBeGreaterThan(on);
  });
});

describe('scalable mode of VT-d', () => {
  const SCALABLE = { cap: '0xd2008c22260286', ecap: '0x80000f00f46' };
  const device = (spec: DeviceSpec): DeviceSpec =>
    spec.vtd === undefined ? spec : { ...spec, vtd: { ...spec.vtd, ...SCALABLE } };
  const isOff = (words: string, more: Record<string, string> = {}) => {
    const config = { INTEL_IOMMU_SVM: 'y', ...more };
    const cmdline = `intel_iommu=${words}`;
    const lines = prints(VTD, { version: '6.1', device, config, cmdline });
    return lines.includes('DMAR: VT-d Scalable Mode not enabled, no PASID allocation');
  };

  it('is asked for by how a word begins, the last of them, or by the configuration', () => {
    const DEFAULT_ON = { INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON: 'y' };
    expect(isOff('on')).toBe(true);
    expect(isOff('on,sm_on')).toBe(false);
    expect(isOff('on,sm_only')).toBe(false);
    expect(isOff('on,sm_on,sm_off')).toBe(true);
    expect(isOff('on', DEFAULT_ON)).toBe(false);
    expect(isOff('on,sm_off', DEFAULT_ON)).toBe(true);
  });
});

describe('a fault at a VT-d unit', () => {
  const EMPTY = { dmar_blocked_domain: false };

  it('is printed in the words of the release', () => {
    const last = (patches: Record<string, boolean>) =>
      prints(VTD, { patches: { ...EMPTY, ...patches }, more: [reads(0xbdf83000)] }).at(-1);
    expect(last({})).toBe(
      `DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0xbdf83000 [fault reason 0x06] PTE Read access is not set`,
    );
    // HP DL388p, 5.4, but for the function.
    expect(last({ dmar_no_pasid_in_faults: false })).toBe(
      'DMAR: [DMA Read] Request device [03:00.0] PASID ffffffff fault addr bdf83000 [fault reason 06] PTE Read access is not set',
    );
    expect(last({ dmar_no_pasid_in_faults: false, dmar_pasid_in_faults: false })).toBe(
      'DMAR: [DMA Read] Request device [03:00.0] fault addr bdf83000 [fault reason 06] PTE Read access is not set',
    );
  });

  it('says which page, and why', () => {
    const last = (addr: number, patches: Record<string, boolean>) =>
      prints(VTD, { patches, more: [reads(addr)] }).at(-1);
    expect(last(0x12345, EMPTY)).toContain('fault addr 0x12000 [fault reason 0x06]');
    expect(last(2 ** 39 - 1, EMPTY)).toContain('[fault reason 0x06]');
    expect(last(2 ** 39, EMPTY)).toContain('[fault reason 0x04] Access beyond MGAW');
    expect(last(0x1000, {})).toContain('[fault reason 0x02] Present bit in context entry is clear');
  });

  it('finds a context table where a function of the bus was attached', () => {
    const { kernel } = runScenario(VTD);
    expect(hasContextTable(kernel, 'dmar0', 3)).toBe(true);
    expect(hasContextTable(kernel, 'dmar0', 4)).toBe(false);
  });

  // HP DL388p, 5.4: `handling fault status reg 702` is followed by one that says 2.
  it('goes to the next of the registers that the unit has', () => {
    const device = (spec: DeviceSpec): DeviceSpec =>
      spec.vtd === undefined ? spec : { ...spec, vtd: { ...spec.vtd, cap: '0xd2078c106f0462' } };
    const more = Array.from({ length: 7 }, () => reads(0xbdf6f000));
    const status = prints(VTD, { device, more }).flatMap(
      (text) => /^DMAR: DRHD: handling fault status reg (\w+)$/.exec(text)?.[1] ?? [],
    );
    expect(status).toEqual(['2', '102', '202', '302', '402', '502', '602', '702', '2']);
  });
});

describe('the units of VT-d as they come up', () => {
  const NAME = 'what-vt-d-units-say-of-themselves';

  it('print the table, the features and what was left on', () => {
    const device = (spec: DeviceSpec): DeviceSpec =>
      spec.name === 'dmar1' && spec.vtd !== undefined
        ? { ...spec, vtd: { ...spec.vtd, left_on: ['translation', 'interrupts'] } }
        : spec;
    const lines = prints(NAME, { device });
    // Dell T440, 5.10, but for the number.
    expect(lines).toContain(
      'DMAR-IR: IRQ remapping was enabled on dmar1 but we are not in kdump mode',
    );
    expect(lines).toContain('DMAR: Translation was enabled for dmar1 but we are not in kdump mode');
    expect(lines.indexOf('DMAR-IR: Enabled IRQ remapping in x2apic mode')).toBeLessThan(
      lines.indexOf('DMAR: No SATC found'),
    );
  });

  it('take interrupts the old way where one has no ids of x2APIC, or firmware does not want them', () => {
    const device = (spec: DeviceSpec): DeviceSpec =>
      spec.name === 'dmar0' && spec.vtd !== undefined
        ? { ...spec, vtd: { ...spec.vtd, ecap: '0x2ca9a00f0ef4e' } }
        : spec;
    const lines = prints(NAME, { device });
    expect(lines).toContain('DMAR-IR: dmar0 does not support EIM');
    expect(lines).toContain('DMAR-IR: Enabled IRQ remapping in xapic mode');
    expect(lines.some((text) => text.includes('Queued invalidation will be enabled'))).toBe(false);
  });

  it('are not compared with one that cannot translate', () => {
    const device = (spec: DeviceSpec): DeviceSpec =>
      spec.name === 'dmar0' && spec.vtd !== undefined
        ? { ...spec, vtd: { ...spec.vtd, cap: '0xc9de008cee690062', ecap: '0x2009a00f0ef4e' } }
        : spec;
    const lines = prints(NAME, { device });
    expect(lines).toContain(
      'DMAR: dmar0: No supported address widths. Not attempting DMA translation.',
    );
    expect(lines.some((text) => text.includes('inconsistent'))).toBe(false);
    expect(lines).not.toContain('DMAR: dmar0: Using Queued invalidation');
  });
});

describe("an event of AMD's IOMMU", () => {
  it('names the domain, from 1 on in the order of groups, and what the request was', () => {
    const lines = prints(AMD, { more: [reads(0xfffffde000)] });
    // Dell OptiPlex 5055, 5.15, of group 11: `[IO_PAGE_FAULT domain=0x000c address=0xfffffde000 flags=0x0000]`.
    expect(lines.at(-1)).toBe(
      `vfio-pci ${CARD}: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0003 address=0xfffffde000 flags=0x0000]`,
    );
    expect(lines).toContain(
      `pci ${CARD}: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0002 address=0xfffe0000 flags=0x0020]`,
    );
  });

  it('names no domain where an entry refuses', () => {
    const lines = prints(AMD, { patches: { amd_blocked_domain: true } });
    expect(lines.at(-1)).toContain('[IO_PAGE_FAULT domain=0x0000 address=0xfffe0000 flags=0x0020]');
  });

  // apu2, 6.8: `ath10k_pci 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000d address=0xcfd51ad0 flags=0x0070]`.
  it.each([
    [true, '0x0070'],
    [false, '0x0050'],
  ])('says that permission is missing, for a write: %s', (write, flags) => {
    const { kernel } = runScenario(AMD);
    const fault = { iommu: 'ivhd0', dev: CARD, id: 0x300, addr: 0xcfd51ad0, write };
    const steps = stepsOf(amd_iommu_report_page_fault(kernel, { ...fault, why: 'permission' }));
    expect(steps).toContainEqual(
      expect.objectContaining({
        type: 'printk',
        text: `vfio-pci ${CARD}: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0003 address=0xcfd51ad0 flags=${flags}]`,
      }),
    );
  });
});

describe("AMD's IOMMUs as they come up", () => {
  const NAME = 'what-amd-units-say-of-themselves';

  // Dell OptiPlex 5055, 5.15: `EFR mismatch. Use IVHD EFR (0xf77ef22294ada : 0x400f77ef22294ada).`
  it('warn where IVRS has other features, with both words since both are known', () => {
    const text = 'AMD-Vi: [Firmware Warn]: EFR mismatch. Use IVHD EFR';
    const efr = '(0x4f77ef22294ada : 0x404f77ef22294ade)';
    expect(prints(NAME)).toContain(`${text} ${efr}.`);
    expect(prints(NAME, { patches: { amd_global_efr: true } })).toContain(
      `${text} ${efr}, EFR2 (0x0 : 0x0).`,
    );
  });
});
