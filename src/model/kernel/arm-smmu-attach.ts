/**
 * Attaching devices behind SMMUs to domains.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c, ../arm-smmu-v3/arm-smmu-v3.c, v6.1 unless said.
 */
import type { SmmuEntry } from '../../events/iommu-events.ts';
import type { DomainType, StreamType } from '../../events/terms.ts';
import type { IommuOps, Kernel } from '../context.ts';
import { ENOSPC } from '../errno.ts';
import { FEAT_V2 } from '../hardware/smmu-registers.ts';
import { freeContext, freeContextBank } from '../hardware/streams.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import type { ReadMapping } from '../state/state.ts';
import { reportFault, reportFaultV3 } from './arm-smmu-fault.ts';
import { idsOf, isDescribed } from './arm-smmu-reset.ts';
import {
  arm_smmu_master_free_smes,
  disable_bypass,
  entriesOfDevice,
  entryFor,
} from './arm-smmu-sme.ts';
import { blocksByTables } from './blocked-domain.ts';
import { requiresDirect } from './reserved-regions.ts';

type SmmuKind = 'arm-smmu' | 'arm-smmu-v3';

/**
 * The context bank that translates for a domain: the one it has, or the first that is free. Banks for
 * stage 2 alone come first and are left to it.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_init_domain_context, v6.1.
 * Leaves out: the formats of page tables, a domain on two SMMUs.
 *
 * @returns the bank, -ENOSPC when none is free.
 */
const arm_smmu_init_domain_context = path(
  'arm_smmu_init_domain_context',
  function* (k, iommu: string, group: number, domain: DomainType): Path<number> {
    const smmu = k.state.smmus[iommu];
    const banks = Object.entries(smmu?.context_banks ?? {});
    const own = banks.find(([, use]) => use.group === group && use.domain === domain);
    if (own !== undefined) return Number(own[0]);
    const hasS1 = ((smmu?.features?.features ?? 0) & FEAT_V2.TRANS_S1) !== 0;
    const context = freeContextBank(k, iommu, hasS1 ? (smmu?.features?.s2_contexts ?? 0) : 0);
    if (context === null) return -ENOSPC;
    yield { type: 'smmu.context_bank', iommu, context, group, domain };
    return context;
  },
);

/** Does the domain need tables of its own? A blocking one is an empty domain of a user's at first. */
function translates(k: Kernel, kind: SmmuKind, domain: DomainType | null): domain is DomainType {
  if (domain === null || domain.startsWith('identity')) return false;
  return domain !== 'blocked' || blocksByTables(k, kind);
}

/** What an entry does for a domain. */
function typeFor(k: Kernel, kind: SmmuKind, domain: DomainType | null): StreamType {
  if (domain?.startsWith('identity')) return 'bypass';
  return translates(k, kind, domain) ? 'translate' : 'fault';
}

/**
 * Writes the entries of a device for its new domain.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_attach_dev, v6.1.
 * Leaves out: runtime power management.
 *
 * @returns 0, -ENOSPC when no context bank is free.
 */
const attach_dev = path(
  'arm_smmu_attach_dev',
  function* (k, dev: string, domain: DomainType | null): Path<number> {
    const { iommu } = deviceOf(k, dev);
    const group = groupOf(k, dev);
    if (iommu === null || !isDescribed(k, iommu)) return 0;
    let context: number | null = null;
    if (
      group !== undefined &&
      k.state.smmus[iommu]?.features != null &&
      translates(k, 'arm-smmu', domain)
    ) {
      const bank = yield* arm_smmu_init_domain_context(k, iommu, group.id, domain);
      if (bank < 0) return bank;
      context = bank;
    }
    const does = typeFor(k, 'arm-smmu', domain);
    for (const entry of entriesOfDevice(k, dev, iommu))
      yield* writeEntry(k, iommu, entryFor(entry, does, context));
    return 0;
  },
);

/**
 * The same for the stream table of a v3.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_attach_dev, v6.1.
 * Leaves out: context descriptors.
 *
 * @returns 0.
 */
const attach_dev_v3 = path(
  'arm_smmu_attach_dev',
  function* (k, dev: string, domain: DomainType | null): Path<number> {
    const { iommu } = deviceOf(k, dev);
    if (iommu === null || !isDescribed(k, iommu)) return 0;
    yield* arm_smmu_install_ste_for_dev(k, dev, iommu, typeFor(k, 'arm-smmu-v3', domain));
    return 0;
  },
);

/**
 * Writes the entries of all stream ids of a device.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_install_ste_for_dev, v6.1.
 * Leaves out: nothing.
 */
function* arm_smmu_install_ste_for_dev(
  k: Kernel,
  dev: string,
  iommu: string,
  does: StreamType,
): Path<void> {
  for (const id of idsOf(k, dev, iommu))
    yield* writeEntry(k, iommu, { index: id, id, mask: 0, does, context: null, count: 1 });
}

/** Writes an entry unless it is as it should be. */
function* writeEntry(k: Kernel, iommu: string, entry: SmmuEntry): Path<void> {
  const { index, does, context } = entry;
  const old = k.state.smmus[iommu]?.entries[index];
  if (old?.does === does && old.context === context) return;
  yield { type: 'smmu.entry_written', iommu, ...entry };
}

/**
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_release_device, v6.1.
 * Leaves out: runtime power management.
 */
function* release_device(k: Kernel, dev: string): Path<void> {
  const { iommu } = deviceOf(k, dev);
  if (iommu !== null) yield* arm_smmu_master_free_smes(k, dev, iommu);
}

/**
 * A device goes. Its entries abort or bypass, as streams without a device do, if it was attached to a
 * domain; since smmu_v3_blocked_domain they abort, but for a device with a range that must be mapped 1:1.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_release_device and
 * arm_smmu_detach_dev, v6.1 and v6.12.
 * Leaves out: PASIDs, ATS.
 */
function* release_device_v3(k: Kernel, dev: string): Path<void> {
  const { iommu } = deviceOf(k, dev);
  if (iommu === null || !isDescribed(k, iommu)) return;
  if (k.has('smmu_v3_blocked_domain')) {
    const does = requiresDirect(k, dev) ? 'bypass' : 'fault';
    yield* arm_smmu_install_ste_for_dev(k, dev, iommu, does);
  } else if ((groupOf(k, dev)?.domain ?? null) !== null) {
    const does = disable_bypass(k, iommu) ? 'fault' : 'bypass';
    yield* arm_smmu_install_ste_for_dev(k, dev, iommu, does);
  }
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
export const smmuStreams: ReadonlyMap<string, Partial<IommuOps>> = new Map<
  string,
  Partial<IommuOps>
>([
  ['arm-smmu', { attach_dev, init_context, release_device, report_fault: reportFault }],
  [
    'arm-smmu-v3',
    {
      attach_dev: attach_dev_v3,
      release_device: release_device_v3,
      report_fault: reportFaultV3,
    },
  ],
]);
