/**
 * The DMAR table as the kernel reads it early, and the interrupt remapping of its units.
 *
 * Kernel: drivers/iommu/intel/dmar.c, irq_remapping.c, cap_audit.c and iommu.c:intel_iommu_setup, v6.1.
 */

import type { PrintkLevel } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import {
  type DescribedUnit,
  describedUnits,
  hasExtendedInterruptMode,
  remapsInterrupts,
  supportsTranslation,
  unlikeFeatures,
} from '../hardware/vt-d.ts';
import { type Path, path } from '../path.ts';
import { printk } from '../printk.ts';

const words = (k: Kernel): readonly string[] => (k.cmdline('intel_iommu') ?? '').split(',');

/**
 * The units in the order of the kernel's list: the one for all the rest comes last, and of the others
 * the one that the table has last comes first.
 *
 * Kernel: drivers/iommu/intel/dmar.c:dmar_register_drhd_unit, v6.1.
 * Leaves out: segments.
 */
export function dmar_drhd_units(k: Kernel): readonly DescribedUnit[] {
  const units = describedUnits(k);
  const all = units.filter(({ unit }) => unit.include_all);
  return [...units.filter(({ unit }) => !unit.include_all).reverse(), ...all];
}

/** What the kernel says of a word of `intel_iommu=`; a word counts by how it begins. */
const SETTINGS: readonly (readonly [word: string, level: PrintkLevel, text: string])[] = [
  ['on', 'info', 'IOMMU enabled'],
  ['off', 'info', 'IOMMU disabled'],
  ['igfx_off', 'info', 'Disable GFX device mapping'],
  ['sp_off', 'info', 'Disable supported super page'],
  ['sm_on', 'info', 'Enable scalable mode if hardware supports'],
  ['sm_off', 'info', 'Scalable mode is disallowed'],
  [
    'tboot_noforce',
    'info',
    'Intel-IOMMU: not forcing on after tboot. This could expose security risk for tboot',
  ],
];

/** Is VT-d to translate, as far as configuration and command line go? The last of on and off counts. */
export function dmarIsEnabled(k: Kernel): boolean {
  const said = words(k).filter((word) => word.startsWith('on') || word.startsWith('off'));
  const last = said.at(-1);
  return last === undefined ? k.config('INTEL_IOMMU_DEFAULT_ON') === 'y' : last.startsWith('on');
}

/**
 * Is scalable mode asked for? The last of sm_on and sm_off counts.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_setup, v6.1.
 * Leaves out: nothing.
 */
export function scalableIsAsked(k: Kernel): boolean {
  const said = words(k).filter((word) => word.startsWith('sm_on') || word.startsWith('sm_off'));
  const last = said.at(-1);
  if (last !== undefined) return last.startsWith('sm_on');
  return k.config('INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON') === 'y';
}

/**
 * Says what the command line wants of VT-d, where the machine describes its units.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_setup, v6.1.
 * Leaves out: strict and forcedac, whose wording changed often; words that it does not know; a
 * parameter that is there twice.
 */
const intel_iommu_setup = path('intel_iommu_setup', function* (k): Path<void> {
  for (const word of words(k)) {
    const setting = SETTINGS.find(([start]) => word.startsWith(start));
    if (setting !== undefined) yield printk(setting[1], `DMAR: ${setting[2]}`);
  }
});

const padded = (address: string): string => `0x${address.slice(2).padStart(14, '0')}`;
const bare = (register: string): string => register.slice(2);

/**
 * Reads the table and the registers of its units, and says so, structure by structure.
 *
 * Kernel: drivers/iommu/intel/dmar.c:parse_dmar_table, dmar_table_print_dmar_entry and alloc_iommu,
 * v6.1.
 * Leaves out: ANDD structures, tables that are broken, structures in another order than by type.
 */
const dmar_table_init = path('dmar_table_init', function* (k): Path<void> {
  const { dmar } = k.machine;
  if (dmar === undefined) return;
  yield printk('info', `DMAR: Host address width ${dmar.width}`);
  for (const { name, unit } of describedUnits(k)) {
    const flags = unit.include_all ? '0x1' : '0x0';
    yield printk('info', `DMAR: DRHD base: ${padded(unit.base)} flags: ${flags}`);
    if (!supportsTranslation(unit)) {
      const why = 'No supported address widths. Not attempting DMA translation.';
      yield printk('info', `DMAR: ${name}: ${why}`);
    }
    const registers = `ver ${unit.ver} cap ${bare(unit.cap)} ecap ${bare(unit.ecap)}`;
    yield printk('info', `DMAR: ${name}: reg_base_addr ${bare(unit.base)} ${registers}`);
  }
  for (const { base, end } of dmar.rmrr ?? [])
    yield printk('info', `DMAR: RMRR base: ${padded(base)} end: ${padded(end)}`);
  for (const flags of dmar.atsr ?? [])
    yield printk('info', `DMAR: ATSR flags: 0x${flags.toString(16)}`);
  for (const { base, node } of dmar.rhsa ?? [])
    yield printk(
      'info',
      `DMAR: RHSA base: ${padded(base)} proximity domain: 0x${node.toString(16)}`,
    );
  for (const flags of k.has('dmar_satc') ? (dmar.satc ?? []) : [])
    yield printk('info', `DMAR: SATC flags: 0x${flags.toString(16)}`);
});

/**
 * Says which features the units do not have alike.
 *
 * Kernel: drivers/iommu/intel/cap_audit.c:cap_audit_static, v6.1.
 * Leaves out: what the smallest unit limits, the refusal of units with half a scalable mode.
 */
export function* intel_cap_audit(
  k: Kernel,
  units: readonly DescribedUnit[],
  of: 'translation' | 'interrupts',
): Path<void> {
  if (!k.has('dmar_cap_audit')) return;
  for (const feature of unlikeFeatures(units, of)) {
    if (feature === 'vcs' && !k.has('dmar_virtual_commands')) continue;
    yield printk('info', `DMAR: IOMMU feature ${feature} inconsistent`);
  }
}

/**
 * Is the mode in which interrupts carry the ids of x2APIC to be used? All units must have it.
 *
 * Kernel: drivers/iommu/intel/irq_remapping.c:intel_prepare_irq_remapping, v6.1.
 * Leaves out: nothing.
 */
function* wantsEim(k: Kernel, units: readonly DescribedUnit[]): Path<boolean> {
  const { x2apic = false, x2apic_opt_out = false } = k.machine.dmar ?? {};
  if (!x2apic) return false;
  const overrides = (k.cmdline('intremap') ?? '').split(',').includes('no_x2apic_optout');
  let eim = !x2apic_opt_out || overrides;
  if (!eim) {
    yield printk('info', 'DMAR-IR: x2apic is disabled because BIOS sets x2apic opt out bit.');
    const how = "Use 'intremap=no_x2apic_optout' to override the BIOS setting.";
    yield printk('info', `DMAR-IR: ${how}`);
  }
  for (const { name, unit } of units) {
    if (!eim || hasExtendedInterruptMode(unit)) continue;
    yield printk('info', `DMAR-IR: ${name} does not support EIM`);
    eim = false;
  }
  return eim;
}

/**
 * Interrupts go through the units from here on, if all of them can.
 *
 * Kernel: drivers/iommu/intel/irq_remapping.c:intel_prepare_irq_remapping and
 * intel_enable_irq_remapping, v6.1.
 * Leaves out: chipsets on which it is broken, I/O APICs without a unit, posted interrupts, kdump.
 */
const intel_irq_remapping = path('intel_prepare_irq_remapping', function* (k): Path<void> {
  const units = dmar_drhd_units(k);
  const translating = units.filter(({ unit }) => supportsTranslation(unit));
  yield* intel_cap_audit(k, translating, 'interrupts');
  for (const { unit } of units) {
    if (!remapsInterrupts(unit)) continue;
    const number = describedUnits(k).findIndex((described) => described.unit === unit);
    const base = `under DRHD base  ${unit.base}`;
    for (const id of unit.ioapics ?? [])
      yield printk('info', `DMAR-IR: IOAPIC id ${id} ${base} IOMMU ${number}`);
    for (const id of unit.hpets ?? [])
      yield printk('info', `DMAR-IR: HPET id ${id} under DRHD base ${unit.base}`);
  }
  if (!units.every(({ unit }) => remapsInterrupts(unit))) return;
  const eim = yield* wantsEim(k, units);
  const why = 'to support x2apic and Intr-remapping.';
  if (eim) yield printk('info', `DMAR-IR: Queued invalidation will be enabled ${why}`);
  for (const { name, unit } of units) {
    if (unit.left_on?.includes('interrupts') === true) {
      const state = `IRQ remapping was enabled on ${name} but we are not in kdump mode`;
      yield printk('warn', `DMAR-IR: ${state}`);
    }
    yield { type: 'x86_unit.written', iommu: name, what: 'queue', on: true };
  }
  for (const { name } of units)
    yield { type: 'x86_unit.written', iommu: name, what: 'interrupts', on: true };
  yield printk('info', `DMAR-IR: Enabled IRQ remapping in ${eim ? 'x2apic' : 'xapic'} mode`);
});

/**
 * What the kernel does with VT-d before any initcall: the command line, the table, interrupts.
 *
 * Kernel: arch/x86/kernel/apic/apic.c:enable_IR_x2apic, v6.1, after parse_early_param. Without
 * CONFIG_IRQ_REMAP the table is read when translation is set up.
 * Leaves out: machines whose units nobody describes.
 */
export function* early_intel_init(k: Kernel): Path<void> {
  if (describedUnits(k).length === 0) return;
  for (const { name, unit } of describedUnits(k))
    for (const what of unit.left_on ?? [])
      yield { type: 'x86_unit.written', iommu: name, what, on: true };
  yield* intel_iommu_setup(k);
  if (k.config('IRQ_REMAP') !== 'y') return;
  yield* dmar_table_init(k);
  if (k.cmdline('intremap') !== 'off' && isRemappable(k)) yield* intel_irq_remapping(k);
}

/** Is there an I/O APIC that a unit remaps? */
const isRemappable = (k: Kernel): boolean =>
  describedUnits(k).some(({ unit }) => remapsInterrupts(unit) && unit.ioapics !== undefined);

/**
 * The table is read now, where interrupts did not need it before.
 *
 * Kernel: the beginning of drivers/iommu/intel/iommu.c:intel_iommu_init, v6.1.
 * Leaves out: nothing.
 */
export function* late_dmar_table_init(k: Kernel): Path<void> {
  if (k.config('IRQ_REMAP') !== 'y') yield* dmar_table_init(k);
}
