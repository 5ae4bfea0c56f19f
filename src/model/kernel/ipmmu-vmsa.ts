/** The driver of Renesas' IPMMU. Kernel: drivers/iommu/ipmmu-vmsa.c, v6.1 unless said. */
import type { DomainType } from '../../events/terms.ts';
import type { DmaFault, DriverOps, Facts, IommuOps, Kernel } from '../context.ts';
import { EBUSY, ENODEV, EPROBE_DEFER } from '../errno.ts';
import { contextOf, freeIpmmuContext, isRootOfOthers, rootOf } from '../hardware/ipmmu.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { isArm } from './arm-dma-mapping.ts';
import type { BusHabits } from './bus-iommu.ts';
import { groupByBus } from './device-group.ts';
import { firmwareIommuOps, freeIommu, registerIommu } from './firmware-iommu.ts';
import { iommu_group_alloc } from './iommu-group.ts';
import { iommu_device_unregister } from './iommu-register.ts';
import { streamIds } from './requester-ids.ts';

const DRV = 'ipmmu-vmsa';

const HABITS: BusHabits = {
  ops: DRV,
  buses: ['platform'],
  asksIfPresent: true,
  onError: 'ignore',
};

/**
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_probe and ipmmu_remove, v6.1. One that has the contexts of
 * others does not register; those wait for it.
 * Leaves out: registers, interrupts.
 *
 * @returns 0, -EPROBE_DEFER while the IPMMU with the contexts has no driver, or the registration's error.
 */
export const ipmmuDriver: DriverOps = {
  probe: path('ipmmu_probe', function* (k, dev: string): Path<number> {
    const root = rootOf(k, dev);
    if (root !== dev && k.state.devices[root]?.bound !== true) return -EPROBE_DEFER;
    yield { type: 'sleep', on: `the set-up of ${dev}` };
    if (root === dev && deviceOf(k, dev).spec.ipmmu?.reserved_context === true)
      yield dev_printk(k, 'info', dev, 'IPMMU context 0 is reserved');
    if (isRootOfOthers(k, dev)) return 0;
    return yield* registerIommu(k, dev, HABITS);
  }),
  remove: path('ipmmu_remove', function* (k, dev: string): Path<void> {
    yield* iommu_device_unregister(k, dev);
    yield* freeIommu(k, dev);
  }),
};

/**
 * All devices behind one IPMMU are in one group, but on 32-bit Arm.
 *
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_find_group, v6.1.
 * Leaves out: kernels for 32-bit Arm with CONFIG_IOMMU_DMA.
 */
const ipmmu_find_group = path('ipmmu_find_group', function* (k, dev: string): Path<number> {
  if (isArm(k)) return yield* groupByBus(k, dev);
  const { iommu } = deviceOf(k, dev);
  const other = Object.values(k.state.devices).find(
    (device) => device.iommu === iommu && device.iommu_group !== null,
  );
  return other?.iommu_group ?? (yield* iommu_group_alloc(k, dev));
});

const translates = (domain: DomainType | null): domain is DomainType =>
  domain === 'DMA' || domain === 'DMA-FQ' || domain === 'unmanaged' || domain === 'blocked';

/**
 * The micro-TLBs of a device go through the context of the domain, which gets one at its first attach.
 * A group's old domain for a user gives its context back; the one that blocks keeps it as long as the
 * group.
 *
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_attach_device and ipmmu_domain_init_context, v6.1;
 * ipmmu_iommu_identity_attach, v6.12.
 * Leaves out: 32-bit Arm, whose mappings have the contexts; a domain of another IPMMU.
 *
 * @returns 0, or -EBUSY when no context is free.
 */
const ipmmu_attach_device = path(
  'ipmmu_attach_device',
  function* (k, dev: string, domain: DomainType | null): Path<number> {
    const { iommu, iommu_group } = deviceOf(k, dev);
    if (isArm(k) || iommu === null || iommu_group === null) return 0;
    if (!translates(domain)) {
      yield* ipmmu_utlb_disable(k, dev);
      return 0;
    }
    const root = rootOf(k, iommu);
    const own = contextOf(k, root, iommu_group, domain);
    const context = own ?? freeIpmmuContext(k, root);
    if (context === null) {
      yield dev_printk(k, 'err', dev, 'Unable to initialize IPMMU context');
      return -EBUSY;
    }
    if (own === null) {
      const user = { group: iommu_group, domain };
      yield { type: 'ipmmu.context_written', iommu: root, context, user };
    }
    const how = own === null ? 'Using' : 'Reusing';
    if (k.has('ipmmu_context_in_log'))
      yield dev_printk(k, 'info', dev, `${how} IPMMU context ${context}`);
    for (const stream of streamIds(k, dev))
      if (stream.iommu === iommu && k.state.ipmmus[iommu]?.utlbs[stream.id] !== context)
        yield { type: 'ipmmu.utlb_written', iommu, id: stream.id, context };
    if (domain !== 'unmanaged') yield* dropUnused(k, iommu, iommu_group);
    return 0;
  },
);

/** A user's domain that no micro-TLB of the group goes through any more is freed, and its context. */
function* dropUnused(k: Kernel, iommu: string, group: number): Path<void> {
  const root = rootOf(k, iommu);
  const context = contextOf(k, root, group, 'unmanaged');
  if (context === null || Object.values(k.state.ipmmus[iommu]?.utlbs ?? {}).includes(context))
    return;
  yield { type: 'ipmmu.context_written', iommu: root, context, user: null };
}

function* ipmmu_utlb_disable(k: Kernel, dev: string): Path<void> {
  const { iommu } = deviceOf(k, dev);
  const utlbs = k.state.ipmmus[iommu ?? '']?.utlbs ?? {};
  for (const stream of streamIds(k, dev))
    if (stream.iommu === iommu && utlbs[stream.id] !== undefined)
      yield { type: 'ipmmu.utlb_written', iommu, id: stream.id, context: null };
}

/**
 * The last device of a group takes the contexts of its domains with it.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_group_release, which frees the default domain, v6.1.
 * Leaves out: nothing.
 */
function* release_device(k: Kernel, dev: string): Path<void> {
  const { iommu, iommu_group } = deviceOf(k, dev);
  if (isArm(k) || iommu === null || iommu_group === null) return;
  yield* ipmmu_utlb_disable(k, dev);
  if (k.state.groups[iommu_group]?.devices.length !== 1) return;
  const root = rootOf(k, iommu);
  for (const [context, { group }] of Object.entries(k.state.ipmmus[root]?.contexts ?? {}))
    if (group === iommu_group)
      yield { type: 'ipmmu.context_written', iommu: root, context: Number(context), user: null };
}

/** IMSTR: translation fault, permission fault. */
const IMSTR = { TF: 1, PF: 2 } as const;

/**
 * The interrupt handler of the IPMMU with the contexts says at which IPMMU it was, and not who.
 *
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_domain_irq, v6.1.
 * Leaves out: the rate limit, walks that are aborted, several hits.
 */
const ipmmu_domain_irq = path('ipmmu_domain_irq', function* (k, fault: DmaFault): Path<void> {
  const status = fault.why === 'permission' ? IMSTR.PF : IMSTR.TF;
  const hex = `0x${status.toString(16).padStart(8, '0')}`;
  const text = `Unhandled fault: status ${hex} iova 0x${fault.addr.toString(16)}`;
  if (k.state.devices[fault.iommu] !== undefined) yield dev_printk(k, 'err', fault.iommu, text);
});

/** The devices that the driver is known to work with, on chips where it asks. */
const DEVICES_ALLOWLIST = ['ee100000.mmc', 'ee120000.mmc', 'ee140000.mmc', 'ee160000.mmc'];

/**
 * Does the driver take a device that firmware gives to an IPMMU? On some chips it takes none but a few, and
 * on others none.
 *
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_device_is_allowed, v6.1, with soc_needs_opt_in and
 * soc_denylist.
 * Leaves out: which chips those are, PCI functions, which v6.12 lets through; kernels before v4.17.
 */
export function ipmmu_device_is_allowed(k: Facts, dev: string, iommu: string): boolean {
  const takes = k.machine.devices.find(({ name }) => name === iommu)?.ipmmu?.takes ?? 'all';
  return takes === 'all' || (takes === 'listed' && DEVICES_ALLOWLIST.includes(dev));
}

/**
 * Kernel: drivers/iommu/ipmmu-vmsa.c:ipmmu_ops, v6.1.
 * Leaves out: nothing.
 */
export const ipmmuOps: IommuOps = {
  ...firmwareIommuOps({
    drv: DRV,
    module: 'ipmmu_vmsa',
    probeName: 'ipmmu_probe_device',
    // Kernel: ipmmu_domain_alloc, v6.1; its identity domain came two releases after the flush queue.
    can_alloc: (k, type) => k.has('direct_before_attach') || type === 'DMA',
    device_group: ipmmu_find_group,
    cache_coherent: (k, dev) =>
      k.state.devices[deviceOf(k, dev).iommu ?? '']?.spec.dma_coherent === true,
  }),
  of_xlate: (k, dev, iommu) => (ipmmu_device_is_allowed(k, dev, iommu) ? 0 : -ENODEV),
  attach_dev: ipmmu_attach_device,
  report_fault: ipmmu_domain_irq,
  release_device,
};
