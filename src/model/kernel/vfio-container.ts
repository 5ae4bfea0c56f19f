/** Containers and their backends. Kernel: drivers/vfio/{container,vfio_iommu_type1}.c, v6.1. */
import type { Kernel } from '../context.ts';
import { EINVAL, ENODEV, EPERM } from '../errno.ts';
import { groupById } from '../lookup.ts';
import { locked, type Path, path } from '../path.ts';
import { printk } from '../printk.ts';
import { iommu_group_claim_dma_owner, iommu_group_release_dma_owner } from './dma-owner.ts';
import { iommu_unmap } from './io-mappings.ts';
import { device_iommu_capable, hasIsolatedMsi } from './iommu-capable.ts';
import { boolParam } from './params.ts';
import { iommu_group_set_domain } from './set-domain.ts';

/** What a container can go through, in the order in which a user asks for it. */
export const BACKENDS = ['vfio_iommu_type1', 'vfio'] as const;
export type Backend = (typeof BACKENDS)[number];

/** Does the group stand for a device without an IOMMU? */
export const isNoiommu = (group: string): boolean => group.startsWith('noiommu-');

/**
 * group->group_lock: what a user does to a group, and the end of its last device.
 *
 * Kernel: drivers/vfio/vfio_main.c, v6.1; group_rwsem, v5.19; counts of users before.
 * Leaves out: what could get between the counts.
 */
export const groupLock = (name: string): string => `group->group_lock ${name}`;

/**
 * container->group_lock, which is another one than that of the group.
 *
 * Kernel: drivers/vfio/container.c, v6.1.
 * Leaves out: that it can be read by many at once.
 */
const containerLock = (container: string): string => `container->group_lock ${container}`;

/** The IOMMU group behind a VFIO group; null where there is no IOMMU. */
function realGroup(k: Kernel, name: string): number | null {
  return isNoiommu(name) ? null : (k.state.vfio.groups[name]?.iommu_group ?? null);
}

/**
 * VFIO_GROUP_SET_CONTAINER: the group is claimed for its user, unless viability is looked up later.
 *
 * Kernel: drivers/vfio/container.c:vfio_container_attach_group, v6.1;
 * drivers/vfio/vfio.c:vfio_group_set_container, v5.15.
 * Leaves out: several groups in a container, so mixing those with and without an IOMMU.
 *
 * @returns 0, -EINVAL when the group has a container, -ENODEV when its last device is gone, or what
 * the claim returned.
 */
export const vfio_container_attach_group = path(
  'vfio_container_attach_group',
  (k, name: string, container: string): Path<number> =>
    locked(groupLock(name), locked(containerLock(container), attachGroup(k, name, container))),
);

function* attachGroup(k: Kernel, name: string, container: string): Path<number> {
  const group = k.state.vfio.groups[name];
  if (group === undefined) return -ENODEV;
  if (group.container !== null) return -EINVAL;
  const id = realGroup(k, name);
  if (id !== null && k.has('vfio_claims')) {
    const ret = yield* iommu_group_claim_dma_owner(k, id, `vfio_group ${name}`);
    if (ret !== 0) return ret;
  }
  yield { type: 'vfio.container_set', group: name, container };
  return 0;
}

/**
 * VFIO_SET_IOMMU on a container with one group, for one backend.
 *
 * Kernel: drivers/vfio/container.c:vfio_ioctl_set_iommu, v6.1.
 * Leaves out: apertures, spapr.
 *
 * @returns 0; -EINVAL without a group or with a backend already; -ENODEV when the backend is not
 * loaded or not for the group: the one that comes with vfio itself takes only groups without an
 * IOMMU; or what the backend returned.
 */
export const vfio_ioctl_set_iommu = path(
  'vfio_ioctl_set_iommu',
  (k, name: string, container: string, backend: Backend): Path<number> =>
    locked(containerLock(container), setIommu(k, name, container, backend)),
);

function* setIommu(k: Kernel, name: string, container: string, backend: Backend): Path<number> {
  const found = k.state.vfio.containers[container];
  if (found === undefined || found.iommu) return -EINVAL;
  if (isNoiommu(name) !== (backend === 'vfio') || isMissing(k, backend)) return -ENODEV;
  yield { type: 'module.got', module: backend, by: `${container} iommu` };
  const id = realGroup(k, name);
  const ret = id === null ? 0 : yield* vfio_iommu_type1_attach_group(k, id);
  if (ret === 0) yield { type: 'vfio.iommu_set', container };
  else yield { type: 'module.put', module: backend, by: `${container} iommu` };
  return ret;
}

/** Is it a module that exists but is not loaded? */
function isMissing(k: Kernel, module: string): boolean {
  return k.state.modules[module] === undefined && k.machine.modules.some((m) => m.name === module);
}

/**
 * The group goes to a domain of its user's, if interrupts keep to themselves.
 *
 * Kernel: drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group, v6.1.
 * Leaves out: domains shared by groups, apertures, reserved regions.
 *
 * @returns 0; -EPERM where a device can send another's interrupts, unless that is allowed.
 */
const vfio_iommu_type1_attach_group = path(
  'vfio_iommu_type1_attach_group',
  function* (k, id: number): Path<number> {
    const ret = yield* iommu_group_set_domain(k, id, 'unmanaged');
    if (ret !== 0) return ret;
    if ((yield* msiRemaps(k, id)) || unsafeInterruptsAllowed(k)) return 0;
    const text =
      'vfio_iommu_type1_attach_group: No interrupt remapping support.  Use the module param ' +
      '"allow_unsafe_interrupts" to enable VFIO IOMMU support on this platform';
    yield printk('warn', text);
    yield* detachDomain(k, id);
    return -EPERM;
  },
);

function unsafeInterruptsAllowed(k: Kernel): boolean {
  return boolParam(k, 'vfio_iommu_type1', 'allow_unsafe_interrupts') ?? false;
}

/**
 * Are interrupts kept apart? Before group_isolated_msi: by every MSI controller of the platform, or
 * else by the IOMMU of any one device of the group.
 *
 * Kernel: kernel/irq/irqdomain.c:irq_domain_check_msi_remap, v6.1;
 * drivers/iommu/iommu.c:iommu_group_has_isolated_msi, v6.12.
 * Leaves out: IOMMUs that remap interrupts beside those of x86.
 */
function* msiRemaps(k: Kernel, id: number): Path<boolean> {
  const { devices } = groupById(k, id);
  if (k.has('group_isolated_msi')) return devices.every((dev) => hasIsolatedMsi(k, dev));
  const byIommu = devices.some((dev) => {
    const own = k.state.devices[dev]?.iommu;
    return k.state.iommus.some(({ name, fwnode }) => name === own && !fwnode);
  });
  if (!byIommu) return k.machine.devices.every(({ isolated_msi }) => isolated_msi ?? true);
  for (const dev of devices) if (yield* device_iommu_capable(k, dev, 'INTR_REMAP')) return true;
  return false;
}

/** The group leaves its user's domain: for none at all while it is owned. */
function* detachDomain(k: Kernel, group: number): Path<void> {
  const { owner, default_domain } = groupById(k, group);
  yield* iommu_group_set_domain(k, group, owner === null ? default_domain : 'blocked');
}

/**
 * A group leaves its container, if it is in one, and with it user space's ownership ends. The group's
 * lock is held.
 *
 * Kernel: drivers/vfio/container.c:vfio_group_detach_container, v6.1.
 * Leaves out: a container with several groups.
 */
export const vfio_group_detach_container = path(
  'vfio_group_detach_container',
  function* (k, name: string): Path<void> {
    const container = k.state.vfio.groups[name]?.container ?? null;
    if (container !== null)
      yield* locked(containerLock(container), detachGroup(k, name, container));
  },
);

function* detachGroup(k: Kernel, name: string, container: string): Path<void> {
  const id = realGroup(k, name);
  if (k.state.vfio.containers[container]?.iommu === true) {
    if (id !== null) yield* detachDomain(k, id);
    yield* iommu_unmap(k, ({ domain }) => domain === container);
    const module: Backend = isNoiommu(name) ? 'vfio' : 'vfio_iommu_type1';
    yield { type: 'module.put', module, by: `${container} iommu` };
  }
  if (id !== null && k.has('vfio_claims')) yield* iommu_group_release_dma_owner(k, id);
  yield { type: 'vfio.container_unset', group: name };
}
