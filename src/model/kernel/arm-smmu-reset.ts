/**
 * The reset of an SMMU: what it keeps of what firmware set up, and whom it cuts off.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c, ../arm-smmu-v3/arm-smmu-v3.c, v6.1.
 */

import type { SmmuEntry } from '../../events/iommu-events.ts';
import type { Kernel } from '../context.ts';
import { specsByName, streamsOfSpec } from '../firmware/streams-of-spec.ts';
import { FEAT_V3 } from '../hardware/smmu-v3-registers.ts';
import { entriesOf } from '../hardware/streams.ts';
import { driverOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { keptStreams, type LiveMaster } from './arm-smmu-qcom.ts';
import { arm_smmu_find_sme, disable_bypass, mappingGroups } from './arm-smmu-sme.ts';
import { SMMUS } from './kconfig.ts';
import { allMeetIommu, meetIommu } from './live-dma.ts';
import { streamIds } from './requester-ids.ts';
import { reservedRegions } from './reserved-regions.ts';

/**
 * Devices behind the SMMU with DMA that runs, or a range that must be mapped, before the kernel. PCI
 * functions are among them, which the kernel has not found yet.
 */
function liveMasters(k: Kernel, iommu: string): readonly LiveMaster[] {
  const marked = k.machine.devices.filter(
    ({ boot_mapping, reserved }) => boot_mapping !== undefined || reserved !== undefined,
  );
  if (marked.length === 0) return [];
  const byName = specsByName(k.machine.devices);
  return marked.flatMap((spec) => {
    const streams = streamsOfSpec(spec, byName);
    const ids = streams.flatMap((stream) => (stream.iommu === iommu ? stream.id : []));
    return ids.length === 0 ? [] : { spec, ids };
  });
}

/** Devices whose drivers do DMA past the SMMU, because they did not wait for it. */
function runningMasters(k: Kernel, iommu: string): readonly string[] {
  const running = Object.values(k.state.devices).filter(({ bus, bound, driver, iommu_group }) => {
    const spec = driver === null ? undefined : driverOf(k, bus, driver)?.spec;
    return bound && iommu_group === null && spec?.maps_dma === true;
  });
  return running.map(({ name }) => name).filter((dev) => idsOf(k, dev, iommu).length > 0);
}

/** The ids under which a device speaks to the SMMU. */
export function idsOf(k: Kernel, dev: string, iommu: string): readonly number[] {
  return streamIds(k, dev).flatMap((stream) => (stream.iommu === iommu ? stream.id : []));
}

/**
 * Are the streams of the SMMU part of the state: because the machine tells its registers, or what
 * firmware left in it, or because drivers that do DMA run already?
 *
 * Kernel: none: it always has them.
 * Leaves out: SMMUs whose streams nobody describes.
 */
export function isDescribed(k: Kernel, iommu: string): boolean {
  if (k.state.smmus[iommu] !== undefined) return true;
  return k.state.devices[iommu]?.spec.registers !== undefined || liveMasters(k, iommu).length > 0;
}

/**
 * Resets an SMMU, where its streams are described.
 *
 * Kernel: the place in arm_smmu_device_probe of both drivers, v6.1.
 * Leaves out: SMMUs of which the machine tells no streams.
 */
export function* resetSmmu(k: Kernel, iommu: string, drv: string): Path<void> {
  if (!SMMUS.includes(drv)) return;
  if (isDescribed(k, iommu) || runningMasters(k, iommu).length > 0)
    yield* arm_smmu_device_reset(k, iommu, drv);
}

/**
 * Writes every stream mapping entry: what this kernel keeps of the boot loader's, and what devices
 * that were probed before got. Running DMA of all others ends here, unless unmatched streams pass.
 *
 * Kernel: arm_smmu_device_reset of both drivers; arm_smmu_rmr_install_bypass_smr and
 * qcom_smmu_cfg_probe before it, v6.1.
 * Leaves out: the window in which all streams bypass, linear stream tables of SMMUs without registers.
 */
const arm_smmu_device_reset = path(
  'arm_smmu_device_reset',
  function* (k, iommu: string, drv: string): Path<void> {
    const probed = entriesOf(k, iommu).filter(({ count }) => count > 0);
    const kept = keptStreams(k, iommu, drv, liveMasters(k, iommu)).filter(
      ({ id }) => !probed.some((entry) => entry.id === id),
    );
    const before = numbered(drv, [], [...probed, ...kept]);
    const reserved = rmrEntries(k, iommu, drv, before);
    if (drv === 'arm-smmu' && k.has('iort_rmr')) {
      const text = `\tpreserved ${reserved.length} boot mapping${reserved.length === 1 ? '' : 's'}`;
      yield dev_printk(k, 'notice', iommu, text);
    }
    if (drv === 'arm-smmu-v3' && isEnabledByFirmware(k, iommu)) {
      yield dev_printk(k, 'warn', iommu, 'SMMU currently enabled! Resetting...');
      yield { type: 'smmu.gbpa_written', iommu, abort: true };
    }
    const entries = [...before, ...reserved];
    yield { type: 'smmu.reset', iommu, entries, unmatched: unmatchedStreams(k, iommu, drv) };
    yield* allMeetIommu(k, iommu);
    for (const dev of runningMasters(k, iommu)) yield* meetIommu(k, dev, iommu);
  },
);

/** CR0.SMMUEN: firmware has set up streams and left the SMMU on. */
function isEnabledByFirmware(k: Kernel, iommu: string): boolean {
  if (k.state.smmus[iommu]?.enabled === false) return false;
  return liveMasters(k, iommu).some(({ spec }) => (spec.boot_mapping ?? 'none') !== 'none');
}

/** Gives entries that have no number yet the next free one; in a stream table the id is the number. */
function numbered(
  drv: string,
  before: readonly SmmuEntry[],
  entries: readonly (Omit<SmmuEntry, 'index'> & { readonly index?: number })[],
): readonly SmmuEntry[] {
  const taken = [...before];
  for (const entry of entries) {
    const isFree = (index: number): boolean => !taken.some((one) => one.index === index);
    let index = entry.index ?? (drv === 'arm-smmu-v3' ? entry.id : 0);
    while (entry.index === undefined && !isFree(index)) index += 1;
    taken.push({ ...entry, index });
  }
  return taken.slice(before.length);
}

/**
 * Entries that bypass for reserved memory ranges. The v2 driver looks for a free one with a mask that
 * overlaps every valid one, so that it finds one for the first stream id only.
 *
 * Kernel: arm_smmu_rmr_install_bypass_smr, arm_smmu_rmr_install_bypass_ste, v6.1.
 * Leaves out: aliases of PCI functions that IORT names.
 */
function rmrEntries(
  k: Kernel,
  iommu: string,
  drv: string,
  before: readonly SmmuEntry[],
): readonly SmmuEntry[] {
  const reserved = liveMasters(k, iommu).filter(({ spec }) =>
    reservedRegions(k, spec).some(({ via }) => via === 'rmr'),
  );
  const found: SmmuEntry[] = [];
  for (const id of new Set(reserved.flatMap(({ ids }) => ids))) {
    const entry = { id, mask: 0, does: 'bypass', context: null, count: 1 } as const;
    const index =
      drv === 'arm-smmu-v3'
        ? id
        : arm_smmu_find_sme([...before, ...found], mappingGroups(k, iommu), { id, mask: 0xffff });
    if (index >= 0) found.push({ ...entry, index });
  }
  return found;
}

/** What becomes of streams without an entry: those beyond a table of two levels fault in any case. */
function unmatchedStreams(k: Kernel, iommu: string, drv: string): 'bypass' | 'fault' {
  const features = k.state.smmus[iommu]?.features?.features ?? 0;
  const isTwoLevel = drv === 'arm-smmu-v3' && (features & FEAT_V3.TWO_LVL_STRTAB) !== 0;
  return isTwoLevel || disable_bypass(k, iommu) ? 'fault' : 'bypass';
}

/**
 * Switches an SMMU off: what asks it passes, or as GBPA of a v3 has it; DMA that still runs as well.
 *
 * Kernel: the end of arm_smmu_device_shutdown, drivers/iommu/arm/arm-smmu/arm-smmu.c; the action
 * arm_smmu_device_disable of arm-smmu-v3.c, v6.1.
 * Leaves out: clocks, power.
 */
export function* switchOff(k: Kernel, iommu: string): Path<void> {
  if (k.state.smmus[iommu]?.enabled !== true) return;
  yield { type: 'smmu.disabled', iommu };
  yield* allMeetIommu(k, iommu);
}
