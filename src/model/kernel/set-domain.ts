/** Putting groups on domains. Kernel: drivers/iommu/iommu.c, v6.1 unless said. */
import { errnoName } from '../../events/errno.ts';
import { isX86Iommu } from '../../events/machine.ts';
import type { DomainType } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import { EINVAL } from '../errno.ts';
import { deviceOf, driverOf, groupById, groupOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { dev_iommu_ops } from './iommu-ops.ts';
import { meetAfter } from './live-dma.ts';
import { iommu_create_device_direct_mappings } from './reserved-regions.ts';

/**
 * Puts all devices of a group on a domain.
 *
 * Kernel: drivers/iommu/iommu.c:__iommu_group_set_domain, v6.1.
 * Leaves out: what a failing attach of a later member undoes.
 *
 * @returns 0, or the negative errno of an IOMMU driver that refuses.
 */
export function iommu_group_set_domain(
  k: Kernel,
  id: number,
  domain: DomainType | null,
): Path<number> {
  return meetAfter(k, groupById(k, id).devices, attachAll(k, id, domain));
}

function* attachAll(k: Kernel, id: number, domain: DomainType | null): Path<number> {
  const { devices, domain: current } = groupById(k, id);
  for (const dev of devices) {
    const ret = yield* attach_dev(k, dev, domain);
    if (ret !== 0) return ret;
  }
  if (current !== domain) yield { type: 'group.attached', group: id, domain };
  return 0;
}

/**
 * The IOMMU driver attaches one device: to a domain of its own instance only, but for x86, where units
 * share domains.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_attach_dev and the attach_dev of
 * arm-smmu.c, virtio-iommu.c and ipmmu-vmsa.c, v6.12.
 * Leaves out: kernels in which identity and blocked domains are of an instance too.
 */
function* attach_dev(k: Kernel, dev: string, domain: DomainType | null): Path<number> {
  if (translates(domain) && isElsewhere(k, dev)) return -EINVAL;
  return (yield* dev_iommu_ops(k, dev)?.attach_dev?.(k, dev, domain) ?? []) ?? 0;
}

const translates = (domain: DomainType | null): boolean =>
  domain === 'DMA' || domain === 'DMA-FQ' || domain === 'unmanaged';

/** Is the device behind another IOMMU than the first of its group, whose domain it is to be attached to? */
function isElsewhere(k: Kernel, dev: string): boolean {
  const [first = dev] = groupOf(k, dev)?.devices ?? [];
  if (first === dev || deviceOf(k, first).iommu === deviceOf(k, dev).iommu) return false;
  return !k.machine.devices.some(({ iommu_kind }) => isX86Iommu(iommu_kind));
}

/**
 * Attaches a group to a default domain, with the regions that firmware wants mapped 1:1 in it before,
 * or, from probe_phases until direct_before_attach, after. `joining` is a device that is to join it; one
 * that has joined a group on that domain is attached alone.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_setup_default_domain, v6.5; iommu_probe_device, v6.1;
 * iommu_group_add_device, v5.4.
 * Leaves out: failures of the mappings.
 *
 * @returns 0, or what the IOMMU driver returned: since direct_before_attach with a warning where it is
 * the group's first attach, which must not fail.
 */
export function* attachToDefault(
  k: Kernel,
  id: number,
  domain: DomainType | null,
  joining: string | null,
): Path<number> {
  const { devices } = groupById(k, id);
  if ([...devices, joining].some((dev) => dev !== null && managesIommu(k, dev))) return 0;
  const mapsFirst = k.has('direct_before_attach') || !k.has('probe_phases');
  if (mapsFirst) yield* iommu_create_device_direct_mappings(k, id);
  const joins = joining !== null && devices.includes(joining) && groupById(k, id).domain === domain;
  const ret = joins
    ? yield* meetAfter(k, [joining], attach_dev(k, joining, domain))
    : yield* iommu_group_set_domain(k, id, domain);
  if (ret !== 0 && !joins && k.has('direct_before_attach')) {
    const what = `the first domain of group ${id} cannot be attached: ${errnoName(ret)}`;
    yield { type: 'kernel.warned', at: 'iommu_setup_default_domain', what };
  }
  if (!mapsFirst) yield* iommu_create_device_direct_mappings(k, id);
  return ret;
}

/** Does the driver that probes or has the device attach domains itself, as a proposal had it? */
function managesIommu(k: Kernel, dev: string): boolean {
  const { bus, driver } = deviceOf(k, dev);
  const spec = driver === null ? undefined : driverOf(k, bus, driver)?.spec;
  return k.has('driver_manages_iommu') && spec?.manages_iommu === true;
}
