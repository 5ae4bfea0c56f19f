/** Intel's IOMMUs come up, and report faults. Kernel: drivers/iommu/intel/iommu.c, v6.1 unless said. */

import type { DmaFault, Kernel } from '../context.ts';
import {
  type DescribedUnit,
  describedUnits,
  domainIds,
  faultStatus,
  guestAddressBits,
  hasCachingMode,
  hasQueuedInvalidation,
  hasScalableMode,
  nextFaultIndex,
  supportsTranslation,
} from '../hardware/vt-d.ts';
import { hasContextTable } from '../hardware/x86-unit.ts';
import { type Path, path } from '../path.ts';
import { pr_debug, printk } from '../printk.ts';
import {
  dmar_drhd_units,
  intel_cap_audit,
  late_dmar_table_init,
  scalableIsAsked,
} from './intel-dmar.ts';
import { allMeetIommu } from './live-dma.ts';

const SOURCE = 'drivers/iommu/intel/iommu.c';

/**
 * The units that translate: those with a device in their scope and an address width, in the order of
 * the kernel's list.
 *
 * Kernel: drivers/iommu/intel/iommu.c:init_no_remapping_devices, v6.1.
 * Leaves out: units for graphics alone.
 */
const activeUnits = (k: Kernel): readonly DescribedUnit[] =>
  dmar_drhd_units(k).filter(({ unit }) => unit.unused !== true && supportsTranslation(unit));

/**
 * The units in the order in which they register: those that the machine describes in that of the
 * kernel's list, without those that translate nothing.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_init, v6.1.
 * Leaves out: nothing.
 */
export function registrationOrder(k: Kernel, units: readonly string[]): readonly string[] {
  const described = describedUnits(k).map(({ name }) => name);
  const active = activeUnits(k).map(({ name }) => name);
  const rest = units.filter((name) => !described.includes(name));
  return [...active.filter((name) => units.includes(name)), ...rest];
}

/**
 * All units are set up, before the first of them registers.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_init and init_dmars, v6.1.
 * Leaves out: kdump, units that fail, what nobody describes.
 */
export const init_dmars = path('init_dmars', function* (k): Path<void> {
  if (describedUnits(k).length === 0) return;
  yield* late_dmar_table_init(k);
  const { rmrr = [], atsr = [], satc = [] } = k.machine.dmar ?? {};
  if (rmrr.length === 0) yield printk('info', 'DMAR: No RMRR found');
  if (atsr.length === 0) yield printk('info', 'DMAR: No ATSR found');
  if (satc.length === 0 && k.has('dmar_satc')) yield printk('info', 'DMAR: No SATC found');
  const active = activeUnits(k);
  yield* intel_cap_audit(k, active, 'translation');
  for (const { name, unit } of active) {
    const queued = hasQueuedInvalidation(unit);
    if (queued && k.state.x86_units[name]?.queue !== true)
      yield { type: 'x86_unit.written', iommu: name, what: 'queue', on: true };
    const how = queued ? 'Queued' : 'Register based';
    yield printk('info', `DMAR: ${name}: Using ${how} invalidation`);
    const domains = `Number of Domains supported <${domainIds(unit)}>`;
    yield* pr_debug(k, SOURCE, `DMAR: ${name}: ${domains}`);
    if (k.state.x86_units[name]?.translation !== true) continue;
    yield { type: 'x86_unit.written', iommu: name, what: 'translation', on: false };
    const why = `Translation was enabled for ${name} but we are not in kdump mode`;
    yield printk('warn', `DMAR: ${why}`);
  }
  yield* register_pasid_allocators(k, active);
});

/**
 * An emulated unit could be asked for PASIDs.
 *
 * Kernel: drivers/iommu/intel/iommu.c:register_pasid_allocator, v5.7 to v6.3.
 * Leaves out: units that have virtual commands.
 */
function* register_pasid_allocators(k: Kernel, units: readonly DescribedUnit[]): Path<void> {
  if (!k.has('dmar_virtual_commands') || k.config('INTEL_IOMMU_SVM') !== 'y') return;
  for (const { name, unit } of units) {
    const spec = k.machine.devices.find((device) => device.name === name);
    if (spec === undefined || !hasCachingMode(spec) || scalable(k, unit)) continue;
    yield printk('warn', 'DMAR: VT-d Scalable Mode not enabled, no PASID allocation');
  }
}

/**
 * Is scalable mode there and asked for?
 *
 * Kernel: drivers/iommu/intel/iommu.h:sm_supported, v6.1.
 * Leaves out: nothing.
 */
function scalable(k: Kernel, unit: VtdScalable): boolean {
  return scalableIsAsked(k) && hasScalableMode(unit);
}
type VtdScalable = DescribedUnit['unit'];

/**
 * Translation goes on, after all units have registered.
 *
 * Kernel: the end of drivers/iommu/intel/iommu.c:intel_iommu_init, v6.1; v5.4.
 * Leaves out: protected memory regions.
 */
export function* enable_translation(k: Kernel): Path<void> {
  const active = activeUnits(k);
  for (const { name } of active) {
    yield { type: 'x86_unit.written', iommu: name, what: 'translation', on: true };
    yield* allMeetIommu(k, name);
  }
  if (active.length > 0)
    yield printk('info', 'DMAR: Intel(R) Virtualization Technology for Directed I/O');
}

/**
 * What comes of a request that a unit did not let through, as the unit writes it down.
 *
 * Kernel: drivers/iommu/intel/dmar.c:dma_remap_fault_reasons, v6.1.
 * Leaves out: context tables of buses whose functions are all gone, tables that are broken.
 */
function reasonOf(k: Kernel, { iommu, id, addr, why, write }: DmaFault): readonly [number, string] {
  if (why === 'stream' || why === 'entry')
    return hasContextTable(k, iommu, (id >> 8) & 0xff)
      ? [2, 'Present bit in context entry is clear']
      : [1, 'Present bit in root entry is clear'];
  const unit = describedUnits(k).find(({ name }) => name === iommu)?.unit;
  if (unit !== undefined && addr >= 2 ** guestAddressBits(unit)) return [4, 'Access beyond MGAW'];
  return write ? [5, 'PTE Write access is not set'] : [6, 'PTE Read access is not set'];
}

/**
 * The interrupt handler of a unit says which request it was.
 *
 * Kernel: drivers/iommu/intel/dmar.c:dmar_fault and dmar_fault_do_one, v6.1; the wording of PASIDs
 * v5.4 and v5.15.
 * Leaves out: the rate limit, requests with a PASID, scalable mode, the dump of page tables, several
 * faults at one interrupt.
 */
export const dmar_fault = path('dmar_fault', function* (k, fault: DmaFault): Path<void> {
  const { iommu, id, addr, write } = fault;
  const status = faultStatus(k, iommu).toString(16);
  yield printk('err', `DMAR: DRHD: handling fault status reg ${status}`);
  const described = describedUnits(k).find(({ name }) => name === iommu);
  if (described !== undefined)
    yield { type: 'x86_unit.fault_recorded', iommu, next: nextFaultIndex(k, described) };
  const [code, reason] = reasonOf(k, fault);
  const page = (BigInt(addr) & ~0xfffn).toString(16);
  const access = write ? 'DMA Write' : 'DMA Read';
  const hex = code.toString(16).padStart(2, '0');
  const from = `Request device [${sourceName(id)}]`;
  const now = `[${access} NO_PASID] ${from} fault addr 0x${page} [fault reason 0x${hex}] ${reason}`;
  const decimal = String(code).padStart(2, '0');
  const pasid = k.has('dmar_pasid_in_faults') ? ' PASID ffffffff' : '';
  const old = `[${access}] ${from}${pasid} fault addr ${page} [fault reason ${decimal}] ${reason}`;
  yield printk('err', `DMAR: ${k.has('dmar_no_pasid_in_faults') ? now : old}`);
});

/** A requester id as the handler prints it: bus, device and function. */
function sourceName(id: number): string {
  const two = (value: number): string => value.toString(16).padStart(2, '0');
  return `${two((id >> 8) & 0xff)}:${two((id >> 3) & 0x1f)}.${id & 7}`;
}
