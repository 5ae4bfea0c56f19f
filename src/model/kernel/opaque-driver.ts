/** Drivers that nobody has to model: what they ask for, and what somebody else says they answer. */
import type { DriverOps, Kernel } from '../context.ts';
import { EIO, EPROBE_DEFER } from '../errno.ts';
import { deviceOf, driver_module, driverOf, groupOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { dmam_alloc_coherent, isArm } from './arm-dma-mapping.ts';
import { addChildren, removeChildren } from './core.ts';
import { mapForDma, unmapForDma } from './dma-mapping.ts';
import { hostBridgeDriver } from './pci.ts';
import { hardwareName, hostsOf } from './pci-hardware.ts';
import { shutBridgeAbove } from './pci-search.ts';
import { iommu_group_set_domain } from './set-domain.ts';

/** What a device asks others for in its probe, by the driver's table. */
function wantedBy(k: Kernel, dev: string, drv: string): readonly string[] {
  const table = driverOf(k, deviceOf(k, dev).bus, drv)?.spec.defers_on;
  return entryOf(table, hardwareName(k, dev)) ?? [];
}

/**
 * Does its probe ask for something whose driver is not there?
 *
 * Kernel: clk_bulk_get and the like, v6.1.
 * Leaves out: nothing.
 */
export function asksInVain(k: Kernel, dev: string, drv: string): boolean {
  return wantedBy(k, dev, drv).some((other) => k.state.devices[other]?.bound !== true);
}

/** The entry of a table that may have a prototype. */
function entryOf<T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

/** A reference to a module that a device holds as the user of what one of its devices provides. */
const use = (dev: string, supplier: string): string => `${dev} uses ${supplier}`;

/**
 * Waits for what it asks other devices for, takes it, then returns what the oracle says; a function
 * whose registers are out of reach fails with -EIO. The PCI bus
 * takes a positive answer for success, with a warning. The driver of a host bridge scans its bus.
 *
 * Kernel: drivers/pci/pci-driver.c:local_pci_probe; clk_get, regulator_get, gpiod_get, which take a
 * reference on the module of the provider, v6.1.
 * Leaves out: everything else that drivers do.
 */
function* probe(k: Kernel, dev: string, drv: string): Path<number> {
  const { bus } = deviceOf(k, dev);
  const wanted = wantedBy(k, dev, drv);
  if (asksInVain(k, dev, drv)) {
    const reason = entryOf(driverOf(k, bus, drv)?.spec.defer_reasons, hardwareName(k, dev));
    if (reason !== undefined) yield { type: 'deferred.reason', dev, reason: `${drv}: ${reason}` };
    return -EPROBE_DEFER;
  }
  if (shutBridgeAbove(k, dev) !== null) return -EIO;
  const answer = k.oracle(hardwareName(k, dev), drv);
  if (answer < 0 || (answer > 0 && bus !== 'pci')) return answer;
  if (answer > 0)
    yield dev_printk(k, 'warn', dev, `Driver probe function unexpectedly returned ${answer}`);
  for (const supplier of wanted) {
    const module = driver_module(k, supplier);
    if (module !== null) yield { type: 'module.got', module, by: use(dev, supplier) };
  }
  if (driverOf(k, bus, drv)?.spec.pasid === true) yield* attachOwnIdentity(k, dev);
  yield* mapForDma(k, dev, drv);
  yield* useDma(k, dev, drv);
  yield* addChildren(k, dev);
  return hostsOf(k.machine).includes(dev) ? yield* hostBridgeDriver.probe(k, dev, drv) : 0;
}

/**
 * The driver's group moves to an identity domain whose page tables can hold PASIDs.
 *
 * Kernel: drivers/iommu/amd/iommu_v2.c:amd_iommu_init_device, v6.1.
 * Leaves out: PASIDs themselves, groups that are not on an identity domain, which are refused.
 */
function* attachOwnIdentity(k: Kernel, dev: string): Path<void> {
  const group = groupOf(k, dev);
  if (group?.domain === 'identity') yield* iommu_group_set_domain(k, group.id, 'identity-pasid');
}

/** Kernel: drivers/iommu/amd/iommu_v2.c:amd_iommu_free_device, v6.1. Leaves out: as above. */
function* detachOwnIdentity(k: Kernel, dev: string): Path<void> {
  const group = groupOf(k, dev);
  if (group?.domain === 'identity-pasid')
    yield* iommu_group_set_domain(k, group.id, group.default_domain);
}

/** What the driver's probe does with DMA: it takes over what ran before, and maps its own. */
function* useDma(k: Kernel, dev: string, drv: string): Path<void> {
  const { bus, live_dma, iommu_group } = deviceOf(k, dev);
  const spec = driverOf(k, bus, drv)?.spec;
  if (live_dma) yield { type: 'dma.handed_over', dev };
  const attaches = spec?.manages_iommu === true && k.has('driver_manages_iommu');
  if (attaches && iommu_group !== null) yield* iommu_group_set_domain(k, iommu_group, 'unmanaged');
  if (isArm(k) && spec?.maps_dma === true) yield* dmam_alloc_coherent(k, dev);
}

function* remove(k: Kernel, dev: string, drv: string): Path<void> {
  if (hostsOf(k.machine).includes(dev)) yield* hostBridgeDriver.remove(k, dev, drv);
  yield* removeChildren(k, dev);
  if (driverOf(k, deviceOf(k, dev).bus, drv)?.spec.pasid === true) yield* detachOwnIdentity(k, dev);
  yield* unmapForDma(k, dev);
  for (const supplier of wantedBy(k, dev, drv)) {
    const by = use(dev, supplier);
    const held = Object.values(k.state.modules).find(({ holders }) => holders.includes(by));
    if (held !== undefined) yield { type: 'module.put', module: held.name, by };
  }
}

/** Switches the hardware off, or does all that its remove does, by the driver's table. */
function* shutdown(k: Kernel, dev: string, drv: string): Path<void> {
  const how = driverOf(k, deviceOf(k, dev).bus, drv)?.spec.shutdown;
  if (how === undefined) return;
  yield { type: 'driver.shutdown', dev, drv };
  if (how === 'remove') yield* remove(k, dev, drv);
}

/**
 * The operations of every driver without paths of its own.
 *
 * Kernel: none, it stands for all drivers.
 * Leaves out: see above.
 */
export const opaqueDriver: DriverOps = { probe, remove, shutdown };
