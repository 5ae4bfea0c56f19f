/** The driver of virtio-iommu. Kernel: drivers/iommu/virtio-iommu.c, v6.1 unless said. */
import type { DomainType } from '../../events/terms.ts';
import type { DmaFault, DriverOps, IommuOps, Kernel } from '../context.ts';
import { EINVAL, ENODEV } from '../errno.ts';
import { inputBits, pageSizeMask, virtioUnit } from '../hardware/virtio-iommu.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, pr_debug } from '../printk.ts';
import type { ReadDevice } from '../state/state.ts';
import { type BusHabits, unsetBusOps } from './bus-iommu.ts';
import { device_link_add } from './device-link.ts';
import { firmwareIommuOps, freeIommu, registerIommu } from './firmware-iommu.ts';
import { iommu_device_unregister } from './iommu-register.ts';
import { allMeetIommu } from './live-dma.ts';
import { type StreamId, streamIds } from './requester-ids.ts';

const DRV = 'virtio_iommu';
const CORE = 'drivers/base/core.c';

const HABITS: BusHabits = {
  ops: DRV,
  buses: ['pci', 'amba', 'platform'],
  asksIfPresent: false,
  onError: 'return',
};

/** Firmware names the transport that the bound device hangs below. */
function instanceName(k: Kernel, dev: string): string {
  return deviceOf(k, dev).parent ?? dev;
}

/**
 * Kernel: drivers/iommu/virtio-iommu.c:viommu_probe and viommu_remove, v6.1. With
 * register_scans_buses the probe does not look at what the registration returned.
 * Leaves out: the virtqueues, and what goes wrong with them.
 *
 * @returns 0; -ENODEV for a device that cannot map; -EINVAL for one that has no page size; or the error
 * of the registration.
 */
export const virtioIommuDriver: DriverOps = {
  probe: path('viommu_probe', function* (k, dev: string): Path<number> {
    const iommu = instanceName(k, dev);
    const unit = virtioUnit(k, iommu);
    if (unit?.map_unmap === false) return -ENODEV;
    if (BigInt(pageSizeMask(unit)) === 0n) return -EINVAL;
    yield { type: 'sleep', on: `the set-up of ${dev}` };
    yield* resetViommu(k, iommu, true);
    yield* pr_debug(k, CORE, `device: '${iommu}': device_add`);
    const ret = yield* registerIommu(k, iommu, HABITS);
    if (ret !== 0 && !k.has('register_scans_buses')) return ret;
    yield dev_printk(k, 'info', dev, `input address: ${inputBits(unit)} bits`);
    yield dev_printk(k, 'info', dev, `page mask: ${pageSizeMask(unit)}`);
    return 0;
  }),
  remove: path('viommu_remove', function* (k, dev: string): Path<void> {
    const iommu = instanceName(k, dev);
    if (k.has('bus_unset_iommu_jpb') && !k.has('register_scans_buses'))
      yield* unsetBusOps(k, HABITS);
    yield* pr_debug(k, CORE, `device: '${iommu}': device_unregister`);
    yield { type: 'iommu.sysfs_removed', iommu };
    yield* iommu_device_unregister(k, iommu);
    yield* resetViommu(k, iommu, false);
    yield dev_printk(k, 'info', dev, 'device removed');
    yield* freeIommu(k, iommu);
  }),
};

/**
 * The device forgets what is attached to what, as its driver comes and as it goes.
 *
 * Kernel: drivers/virtio/virtio.c:virtio_device_ready and virtio_reset_device, v6.1.
 * Leaves out: devices that the machine does not describe.
 */
function* resetViommu(k: Kernel, iommu: string, driver_ok: boolean): Path<void> {
  if (virtioUnit(k, iommu) === null) return;
  yield { type: 'viommu.reset', iommu, driver_ok };
  yield* allMeetIommu(k, iommu);
}

/** The virtio device that is the IOMMU, while its driver has or probes it. */
function vdevOf(k: Kernel, iommu: string): ReadDevice | undefined {
  return Object.values(k.state.devices).find(
    ({ driver, name }) => driver === DRV && instanceName(k, name) === iommu,
  );
}

/**
 * A link makes the endpoint lose its driver before the IOMMU loses its own, and get it back after.
 *
 * Kernel: viommu_add_device of a proposal of 2019, for viommu_device_links: what its links do is known
 * from the log that came with it, their flags are not.
 * Leaves out: dropping the link.
 *
 * @returns 0.
 */
function* linkEndpoint(k: Kernel, dev: string, iommu: string): Path<number> {
  const vdev = vdevOf(k, iommu);
  if (k.has('viommu_device_links') && vdev !== undefined)
    yield* device_link_add(k, dev, vdev.name, ['AUTOPROBE_CONSUMER']);
  return 0;
}

/** The endpoints that a device is, of an IOMMU that the machine describes. */
function endpointsOf(k: Kernel, dev: string): readonly StreamId[] {
  const { iommu } = deviceOf(k, dev);
  if (iommu === null || virtioUnit(k, iommu) === null) return [];
  return streamIds(k, dev).filter((stream) => stream.iommu === iommu);
}

/**
 * A request for each endpoint of the device: to attach it to a domain, or to one that lets all pass,
 * where the device offers that; else everything is mapped 1:1 in it, which comes to the same.
 *
 * Kernel: drivers/iommu/virtio-iommu.c:viommu_attach_dev and viommu_domain_finalise, v6.1.
 * Leaves out: page sizes, domains of another virtio-iommu, requests that fail.
 *
 * @returns 0.
 */
const viommu_attach_dev = path(
  'viommu_attach_dev',
  function* (k, dev: string, domain: DomainType | null): Path<number> {
    if (domain === null) return 0;
    const does = domain === 'identity' ? 'bypass' : 'translate';
    for (const { iommu, id } of endpointsOf(k, dev))
      if (k.state.viommus[iommu]?.endpoints[id] !== does)
        yield { type: 'viommu.endpoint_written', iommu, id, does };
    return 0;
  },
);

/**
 * The device goes: its endpoints are detached, since viommu_detach_on_release.
 *
 * Kernel: drivers/iommu/virtio-iommu.c:viommu_release_device and viommu_detach_dev, v6.5.
 * Leaves out: nothing.
 */
const viommu_release_device = path('viommu_release_device', function* (k, dev: string): Path<void> {
  if (!k.has('viommu_detach_on_release')) return;
  for (const { iommu, id } of endpointsOf(k, dev))
    if ((k.state.viommus[iommu]?.endpoints[id] ?? null) !== null)
      yield { type: 'viommu.endpoint_written', iommu, id, does: null };
});

/**
 * What the driver finds on the device's event queue. Nobody reads it when the driver is gone. As QEMU has
 * it, an endpoint that was never attached is not known, and a fault says whether it was a read or a write
 * where it is that which is not allowed.
 *
 * Kernel: drivers/iommu/virtio-iommu.c:viommu_fault_handler, v6.1.
 * Leaves out: the rate limit, faults without an address, faults of execution, other makers' devices.
 */
const viommu_fault_handler = path(
  'viommu_fault_handler',
  function* (k, { iommu, id, addr, write, why }: DmaFault): Path<void> {
    const vdev = vdevOf(k, iommu);
    if (vdev?.bound !== true) return;
    const unattached = k.state.viommus[iommu]?.endpoints[id] === undefined ? 'unknown' : 'domain';
    const reason = why === 'stream' || why === 'entry' ? unattached : 'page';
    const flags = why === 'permission' ? (write ? 'W' : 'R') : '';
    const where = `at 0x${addr.toString(16)} [${flags}]`;
    yield dev_printk(k, 'err', vdev.name, `${reason} fault from EP ${id} ${where}`);
  },
);

/**
 * Kernel: drivers/iommu/virtio-iommu.c:viommu_ops, v6.1.
 * Leaves out: asking the device for the endpoint's properties.
 */
export const virtioIommuOps: IommuOps = {
  ...firmwareIommuOps({
    drv: DRV,
    module: 'virtio_iommu',
    probeName: 'viommu_probe_device',
    take: linkEndpoint,
    // Kernel: viommu_domain_alloc, v6.1; since it has a flush queue every type is a page table.
    can_alloc: (k, type) => k.has('direct_before_attach') || type !== 'DMA-FQ',
    cache_coherent: () => true,
  }),
  attach_dev: viommu_attach_dev,
  release_device: viommu_release_device,
  report_fault: viommu_fault_handler,
};
