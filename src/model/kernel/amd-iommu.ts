/** AMD's IOMMUs come up, and report faults. Kernel: drivers/iommu/amd/init.c and iommu.c, v6.1 unless said. */

import type { AmdUnit } from '../../events/iommu-units.ts';
import type { DmaFault, Kernel } from '../context.ts';
import {
  type DescribedAmdUnit,
  describedAmdUnits,
  featureNames,
  hasVirtualApic,
  hasX2apic,
} from '../hardware/amd-vi.ts';
import { groupById } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import { isStrict } from './default-domain.ts';
import { allMeetIommu } from './live-dma.ts';

/**
 * Does the command line let AMD's IOMMUs be?
 *
 * Kernel: drivers/iommu/amd/init.c:parse_amd_iommu_options, v6.1.
 * Leaves out: all other words.
 */
export function amdIsEnabled(k: Kernel): boolean {
  return !(k.cmdline('amd_iommu') ?? '').split(',').some((word) => word.startsWith('off'));
}

/** The extended features that count: since amd_ivhd_efr those of IVRS, where it has any. */
function featuresOf(k: Kernel, { efr, ivhd_efr }: AmdUnit): string {
  return (k.has('amd_ivhd_efr') ? ivhd_efr : undefined) ?? efr;
}

/**
 * What IVRS says, early. The units are off until they are set up.
 *
 * Kernel: drivers/iommu/amd/init.c:early_amd_iommu_init, add_acpi_hid_device and get_global_efr, v6.1.
 * Leaves out: units that differ, tables that are broken, what nobody describes, ids in hexadecimal as
 * of late.
 */
export const early_amd_iommu_init = path('early_amd_iommu_init', function* (k): Path<void> {
  const units = describedAmdUnits(k);
  const [first] = units;
  if (first === undefined || !amdIsEnabled(k)) return;
  for (const { name } of units)
    yield { type: 'x86_unit.written', iommu: name, what: 'translation', on: false };
  for (const { unit } of units)
    for (const { hid, uid, rdevid } of unit.acpi ?? []) {
      yield printk('info', `AMD-Vi: ivrs, add hid:${hid}, uid:${uid}, rdevid:${rdevid}`);
    }
  const { efr2 = '0x0' } = first.unit;
  if (k.has('amd_global_efr'))
    yield printk(
      'info',
      `AMD-Vi: Using global IVHD EFR:${featuresOf(k, first.unit)}, EFR2:${efr2}`,
    );
});

/** A line about a unit, under its PCI function since amd_unit_in_log. */
function ofUnit(k: Kernel, { unit }: DescribedAmdUnit, text: string) {
  const names = k.has('amd_unit_in_log') && k.state.devices[unit.dev] !== undefined;
  return names
    ? dev_printk(k, 'info', unit.dev, `AMD-Vi: ${text}`)
    : printk('info', `AMD-Vi: ${text}`);
}

/**
 * A unit is set up, before it registers.
 *
 * Kernel: drivers/iommu/amd/init.c:iommu_init_pci, v6.1.
 * Leaves out: units that want to be told of every mapping, logs, errata, v2 page tables, a second word of
 * features that IVRS has otherwise.
 */
export const iommu_init_pci = path('iommu_init_pci', function* (k, iommu: string): Path<void> {
  const described = describedAmdUnits(k).find(({ name }) => name === iommu);
  if (described === undefined) return;
  const { efr, efr2 = '0x0', ivhd_efr, counters } = described.unit;
  if (ivhd_efr !== undefined && ivhd_efr !== efr && k.has('amd_ivhd_efr')) {
    const both = k.has('amd_global_efr') ? `, EFR2 (${efr2} : ${efr2})` : '';
    const which = `Use IVHD EFR (${efr} : ${ivhd_efr})${both}.`;
    yield printk('warn', `AMD-Vi: [Firmware Warn]: EFR mismatch. ${which}`);
  }
  if (counters === true) yield ofUnit(k, described, 'IOMMU performance counters supported');
});

/**
 * All units are registered: what is not attached is blocked from here on.
 *
 * Kernel: drivers/iommu/amd/init.c:init_device_table_dma after early_enable_iommus, v6.1.
 * Leaves out: that the units are on a little earlier, and let pass until the table blocks.
 */
export const init_device_table_dma = path('init_device_table_dma', function* (k): Path<void> {
  for (const { name, unit } of describedAmdUnits(k)) {
    if (unit.interrupts === true)
      yield { type: 'x86_unit.written', iommu: name, what: 'interrupts', on: true };
    yield { type: 'x86_unit.written', iommu: name, what: 'translation', on: true };
    yield* allMeetIommu(k, name);
  }
});

/**
 * The kernel says what the units can.
 *
 * Kernel: drivers/iommu/amd/init.c:print_iommu_info and enable_iommus_vapic, v6.1; v5.4, v5.11, v5.15
 * and v6.12.
 * Leaves out: memory encryption, v2 page tables, what nobody describes.
 */
export const print_iommu_info = path('print_iommu_info', function* (k): Path<void> {
  const units = describedAmdUnits(k);
  yield* k.has('amd_features_once') ? globalFeatures(k, units) : featuresOfEach(k, units);
  if (!units.some(({ unit }) => unit.interrupts === true)) return;
  yield printk('info', 'AMD-Vi: Interrupt remapping enabled');
  const vapic = units.every(({ unit }) => hasVirtualApic(featuresOf(k, unit)));
  const isLast = k.has('amd_vapic_last');
  if (vapic && !isLast) yield printk('info', 'AMD-Vi: Virtual APIC enabled');
  if (units.every(({ unit }) => hasX2apic(featuresOf(k, unit))))
    yield printk('info', 'AMD-Vi: X2APIC enabled');
  if (vapic && isLast) yield printk('info', 'AMD-Vi: Virtual APIC enabled');
});

function* globalFeatures(k: Kernel, units: readonly DescribedAmdUnit[]): Path<void> {
  const [first] = units;
  if (first === undefined) return;
  const efr = featuresOf(k, first.unit);
  const both = `(${efr}, ${first.unit.efr2 ?? '0x0'})`;
  yield printk('info', `AMD-Vi: Extended features ${both}:${featureNames(efr)}`);
}

function* featuresOfEach(k: Kernel, units: readonly DescribedAmdUnit[]): Path<void> {
  for (const described of units) {
    const { unit } = described;
    const cap = `cap 0x${unit.cap.toString(16)}`;
    const found = k.has('amd_unit_in_log') ? cap : `at ${unit.dev} ${cap}`;
    yield ofUnit(k, described, `Found IOMMU ${found}`);
    const efr = featuresOf(k, unit);
    const names = featureNames(efr);
    const registers = k.has('amd_global_efr') ? `${efr}, ${unit.efr2 ?? '0x0'}` : efr;
    const text = `Extended features (${registers}):`;
    if (k.has('amd_features_in_one_line')) yield printk('info', `AMD-Vi: ${text}${names}`);
    else {
      yield ofUnit(k, described, text);
      if (names !== '') yield printk('info', names);
    }
  }
}

/**
 * AMD's driver said itself when the TLB is flushed, until the core did.
 *
 * Kernel: drivers/iommu/amd/iommu.c:amd_iommu_init_dma_ops, v5.14.
 * Leaves out: swiotlb.
 */
export function* amd_iommu_init_dma_ops(k: Kernel): Path<void> {
  if (k.has('dma_policy_in_log')) return;
  const policy = isStrict(k) ? 'IO/TLB flush on unmap enabled' : 'Lazy IO/TLB flushing enabled';
  yield printk('info', `AMD-Vi: ${policy}`);
}

/** Flags of an event: a write; the page is present; permission is missing. */
const RW = 0x20;
const PR = 0x10;
const PE = 0x40;

/**
 * The id of the domain that a group is on: default domains have ids in the order of their groups, from 1
 * on, and what users have comes behind them.
 *
 * Kernel: drivers/iommu/amd/iommu.c:domain_id_alloc, v6.1, the lowest that is free.
 * Leaves out: ids that went back, that one user has several domains: the first is taken to be the only one.
 */
function domainId(k: Kernel, id: number): number {
  const { domain, default_domain } = groupById(k, id);
  return domain === default_domain ? id + 1 : Object.keys(k.state.groups).length + 1;
}

/**
 * The event log's reader says which request it was, under the name of the device's driver.
 *
 * Kernel: drivers/iommu/amd/iommu.c:amd_iommu_report_page_fault, v6.1.
 * Leaves out: the rate limit, devices without a domain, the wording of device= before v6.0.
 */
export const amd_iommu_report_page_fault = path(
  'amd_iommu_report_page_fault',
  function* (k, fault: DmaFault): Path<void> {
    const { dev, addr, write, why } = fault;
    const device = k.state.devices[dev];
    const group = device?.iommu_group ?? null;
    const isMapped = why === 'translation' || why === 'permission';
    const domain = isMapped && group !== null ? domainId(k, group) : 0;
    const flags = (write ? RW : 0) | (why === 'permission' ? PR | PE : 0);
    const four = (value: number): string => `0x${value.toString(16).padStart(4, '0')}`;
    const where = `address=0x${addr.toString(16)} flags=${four(flags)}]`;
    const isProbed = device !== undefined && device.iommu !== null;
    const who = isProbed ? '' : `device=${dev} `;
    const text = `AMD-Vi: Event logged [IO_PAGE_FAULT ${who}domain=${four(domain)} ${where}`;
    yield isProbed ? dev_printk(k, 'err', dev, text) : printk('err', text);
  },
);
