/**
 * The stream mapping of an SMMU, for machines that say what firmware left in it.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c, arm-smmu-qcom.c, ../arm-smmu-v3/arm-smmu-v3.c, v6.1.
 */

import type { DeviceSpec } from '../../events/machine.ts';
import type { DomainType, StreamType } from '../../events/terms.ts';
import type { IommuOps, Kernel } from '../context.ts';
import { ENOSPC } from '../errno.ts';
import { freeContext, idsAt, streamOf } from '../hardware/streams.ts';
import { deviceOf, driverOf, groupOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import type { ReadMapping } from '../state/state.ts';
import { SMMUS } from './kconfig.ts';
import { ownBoolParam } from './params.ts';
import { streamIds } from './requester-ids.ts';
import { reservedRegions } from './reserved-regions.ts';

interface Stream {
  readonly id: number;
  readonly does: StreamType;
}

/** Devices behind the SMMU with DMA that runs, or a range that must be mapped, before the kernel. */
function liveMasters(k: Kernel, iommu: string): readonly DeviceSpec[] {
  return k.machine.devices.filter(
    (spec) =>
      idsAt(spec, iommu).length > 0 &&
      (spec.boot_mapping !== undefined || spec.reserved !== undefined),
  );
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
function idsOf(k: Kernel, dev: string, iommu: string): readonly number[] {
  return streamIds(k, dev).flatMap((stream) => (stream.iommu === iommu ? stream.id : []));
}

/**
 * Resets an SMMU, where the machine says what firmware left in it, or drivers that do DMA run already.
 *
 * Kernel: the place in arm_smmu_device_probe.
 * Leaves out: SMMUs whose streams nobody describes.
 */
export function* resetSmmu(k: Kernel, iommu: string, drv: string): Path<void> {
  if (!SMMUS.includes(drv)) return;
  if (liveMasters(k, iommu).length > 0 || runningMasters(k, iommu).length > 0)
    yield* arm_smmu_device_reset(k, iommu, drv);
}

/**
 * Writes every stream mapping entry: what this kernel keeps of the boot loader's, and what devices
 * that were attached before got. Running DMA of all others ends here, unless unmatched streams pass.
 *
 * Kernel: arm_smmu_device_reset of both drivers; arm_smmu_rmr_install_bypass_smr and
 * qcom_smmu_cfg_probe before it, v6.1.
 * Leaves out: context banks, the window in which all streams bypass, linear stream tables of v3.
 */
const arm_smmu_device_reset = path(
  'arm_smmu_device_reset',
  function* (k, iommu: string, drv: string): Path<void> {
    const kept = keptStreams(k, iommu, drv);
    const reserved = rmrStreams(k, iommu, drv, kept.length);
    if (drv === 'arm-smmu' && k.has('iort_rmr')) {
      const text = `\tpreserved ${reserved.length} boot mapping${reserved.length === 1 ? '' : 's'}`;
      yield dev_printk(k, 'notice', iommu, text);
    }
    const attached = Object.entries(k.state.smmus[iommu]?.streams ?? {});
    const streams = [
      ...[...kept, ...reserved].filter(({ id }) => !attached.some(([one]) => Number(one) === id)),
      ...attached.map(([id, does]) => ({ id: Number(id), does })),
    ];
    const unmatched = disable_bypass(k, iommu) ? 'fault' : 'bypass';
    yield { type: 'smmu.reset', iommu, streams, unmatched };
    for (const { name, boot_mapping } of liveMasters(k, iommu))
      if (boot_mapping !== undefined) yield* unmatchedStreams(k, name, iommu, drv);
    for (const dev of runningMasters(k, iommu)) yield* unmatchedStreams(k, dev, iommu, drv);
  },
);

/**
 * Entries of the boot loader that the driver keeps: as they are, or as bypass.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu-qcom.c:qcom_smmu_cfg_probe, v6.1, for qcom_readback.
 */
function keptStreams(k: Kernel, iommu: string, drv: string): readonly Stream[] {
  const inherits = k.has('smmu_inherit_hw');
  if (drv !== 'arm-smmu' || !(inherits || (k.has('qcom_readback') && isQcom(k, iommu)))) return [];
  return liveMasters(k, iommu).flatMap((spec) => {
    if (spec.boot_mapping === undefined || spec.boot_mapping === 'none') return [];
    const does = inherits && spec.boot_mapping === 'translate' ? 'boot' : 'bypass';
    return idsAt(spec, iommu).map((id) => ({ id, does }) as const);
  });
}

function isQcom(k: Kernel, iommu: string): boolean {
  const spec = k.machine.devices.find((device) => device.name === iommu);
  return spec?.ids.some((id) => id.startsWith('qcom,')) ?? false;
}

/**
 * Entries that bypass for reserved memory ranges. The v2 driver looks for a free one with a mask that
 * overlaps every valid one, so that it finds one for the first stream id only.
 *
 * Kernel: arm_smmu_rmr_install_bypass_smr and arm_smmu_find_sme, arm_smmu_rmr_install_bypass_ste, v6.1.
 */
function rmrStreams(k: Kernel, iommu: string, drv: string, taken: number): readonly Stream[] {
  const ids = liveMasters(k, iommu).flatMap((spec) => {
    const isReserved = reservedRegions(k, spec).some(({ via }) => via === 'rmr');
    return isReserved ? idsAt(spec, iommu) : [];
  });
  const found = drv === 'arm-smmu-v3' ? ids : ids.slice(0, taken > 0 ? 0 : 1);
  return found.map((id) => ({ id, does: 'bypass' }));
}

/**
 * The parameter of the SMMU drivers: do unmatched streams fault?
 *
 * Kernel: CONFIG_ARM_SMMU_DISABLE_BYPASS_BY_DEFAULT and the module parameter, v6.1.
 */
export function disable_bypass(k: Kernel, iommu: string): boolean {
  return ownBoolParam(k, iommu, 'disable_bypass') ?? k.has('disable_bypass_default');
}

/** Says of each running stream without an entry that it faults, if it does. */
function* unmatchedStreams(k: Kernel, dev: string, iommu: string, drv: string): Path<void> {
  for (const id of idsOf(k, dev, iommu)) {
    if (streamOf(k, iommu, id) !== 'fault') continue;
    yield { type: 'dma.faulted', dev, iommu, id };
    if (drv === 'arm-smmu-v3') yield* badStreamId(k, iommu, id);
    else yield dev_printk(k, 'err', iommu, globalFault(k, id));
  }
}

/** Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_global_fault, v6.1. */
function globalFault(k: Kernel, id: number): string {
  if (!k.has('disable_bypass_default')) return 'Unexpected global fault, this could be serious';
  const hint = 'boot with "arm-smmu.disable_bypass=0" to allow';
  return `Blocked unknown Stream ID 0x${id.toString(16)}; ${hint}, but this may have security implications`;
}

/** Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_evtq_thread, v6.1: C_BAD_STREAMID. */
function* badStreamId(k: Kernel, iommu: string, id: number): Path<void> {
  yield dev_printk(k, 'info', iommu, 'event 0x02 received:');
  const nothing = `\t0x${'0'.repeat(16)}`;
  const first = `\t0x${id.toString(16).padStart(8, '0')}00000002`;
  for (const text of [first, nothing, nothing, nothing]) yield dev_printk(k, 'info', iommu, text);
}

/**
 * Writes the entries of a device for its new domain. What firmware left running goes through it from
 * here on, and faults where the domain does not map it.
 *
 * Kernel: arm_smmu_attach_dev of both drivers, v6.1.
 * Leaves out: context banks, the line for a context fault, whose address the model does not know.
 *
 * @returns 0.
 */
function* attach_dev(k: Kernel, dev: string, domain: DomainType | null): Path<number> {
  const { iommu, live_dma } = deviceOf(k, dev);
  if (iommu === null || !isDescribed(k, iommu)) return 0;
  const does = entryFor(domain);
  const mapped = groupOf(k, dev)?.direct_mapped.includes(dev) === true;
  for (const id of idsOf(k, dev, iommu)) {
    if (streamOf(k, iommu, id) === does) continue;
    yield { type: 'smmu.stream_written', iommu, id, does };
    const faults = does === 'fault' || (does === 'translate' && !mapped);
    if (live_dma && faults) yield { type: 'dma.faulted', dev, iommu, id };
  }
  return 0;
}

/** Are the SMMU's streams part of the state, or will its reset make them so? */
function isDescribed(k: Kernel, iommu: string): boolean {
  return k.state.smmus[iommu] !== undefined || liveMasters(k, iommu).length > 0;
}

function entryFor(domain: DomainType | null): StreamType {
  if (domain === 'identity') return 'bypass';
  return domain === 'blocked' || domain === null ? 'fault' : 'translate';
}

/** A device goes: its entries become invalid, but for those that a reserved range counts too. */
function* release_device(k: Kernel, dev: string): Path<void> {
  const { iommu, spec } = deviceOf(k, dev);
  if (iommu === null || reservedRegions(k, spec).some(({ via }) => via === 'rmr')) return;
  const streams = k.state.smmus[iommu]?.streams ?? {};
  for (const id of idsOf(k, dev, iommu))
    if (streams[id] !== undefined) yield { type: 'smmu.stream_written', iommu, id, does: null };
}

/** Compatible strings whose devices run before their driver does, and bypass. */
const QCOM_CLIENTS: readonly string[] = [
  ...['qcom,adreno', 'qcom,adreno-gmu', 'qcom,mdp4', 'qcom,mdss', 'qcom,sc7180-mdss'],
  ...['qcom,sc7180-mss-pil', 'qcom,sdm845-mdss', 'qcom,sdm845-mss-pil', 'qcom,sm8250-mdss'],
];

/**
 * The type of domain that one of Qualcomm's SMMUs demands for a device; null for none.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu-qcom.c:qcom_smmu_def_domain_type, v6.1.
 * Leaves out: nothing.
 */
export function qcom_smmu_def_domain_type(k: Kernel, dev: string): DomainType | null {
  const { iommu, spec } = deviceOf(k, dev);
  if (!k.has('qcom_def_identity') || iommu === null || !isQcom(k, iommu)) return null;
  return spec.ids.some((id) => QCOM_CLIENTS.includes(id)) ? 'identity' : null;
}

/**
 * A context bank for a mapping of 32-bit Arm.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_init_domain_context, v6.1.
 * Leaves out: stage 2.
 *
 * @returns the context bank, -ENOSPC when all are taken.
 */
function* init_context(k: Kernel, _dev: string, mapping: ReadMapping): Path<number> {
  yield* [];
  if (mapping.context !== null) return mapping.context;
  const contexts = k.state.devices[mapping.iommu]?.spec.contexts ?? Number.POSITIVE_INFINITY;
  return freeContext(k, mapping.iommu, contexts) ?? -ENOSPC;
}

/**
 * What the ops of an SMMU have beside those of every IOMMU, by the name of the driver.
 *
 * Kernel: struct iommu_ops of both drivers, v6.1.
 * Leaves out: nested domains.
 */
export const smmuStreams: ReadonlyMap<string, Partial<IommuOps>> = new Map([
  ['arm-smmu', { attach_dev, init_context, release_device }],
  ['arm-smmu-v3', { attach_dev, release_device }],
]);
