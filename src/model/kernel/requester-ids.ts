/** What firmware says about a device's DMA: which IOMMU sees it, under which ids. */
import type { DeviceSpec } from '../../events/machine.ts';
import type { Facts } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import type { ReadDevice } from '../state/state.ts';

/** One id under which one IOMMU sees a device. */
export interface StreamId {
  readonly iommu: string;
  readonly id: number;
}

/**
 * `0000:03:00.1` as its bus number and devfn; null for a name that is not a PCI address.
 *
 * Kernel: drivers/pci/probe.c:pci_setup_device, which gives the name, v6.1.
 * Leaves out: the domain.
 */
export function pciAddress(name: string): { bus: number; devfn: number } | null {
  const found = /^[0-9a-f]{4,8}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(name);
  if (found === null) return null;
  const [, bus = '', slot = '', fn = ''] = found;
  return { bus: Number.parseInt(bus, 16), devfn: (Number.parseInt(slot, 16) << 3) | Number(fn) };
}

/**
 * The devices above `dev` up to the root, nearest first.
 *
 * Kernel: dev->parent.
 * Leaves out: nothing.
 */
function ancestors(k: Facts, dev: string): readonly ReadDevice[] {
  const list: ReadDevice[] = [];
  let name = k.state.devices[dev]?.parent ?? null;
  while (name !== null && !list.some((above) => above.name === name)) {
    const above: ReadDevice | undefined = k.state.devices[name];
    if (above === undefined) break;
    list.push(above);
    name = above.parent;
  }
  return list;
}

/**
 * The PCI bridges above a function, nearest first.
 *
 * Kernel: include/linux/pci.h:pci_upstream_bridge, v6.1.
 * Leaves out: virtual functions.
 */
export function bridges(k: Facts, dev: string): readonly ReadDevice[] {
  return ancestors(k, dev).filter((above) => above.bus === 'pci');
}

/**
 * A function's DMA aliases: its own requester id, then those that bridges put in its place. Each is
 * paired with the device that speaks under it.
 *
 * Kernel: drivers/pci/search.c:pci_for_each_dma_alias, v6.1.
 * Leaves out: alias quirks of single devices.
 */
export function dmaAliases(k: Facts, dev: string): readonly { id: number; by: string }[] {
  const own = pciAddress(dev);
  if (own === null) return [];
  const aliases = [{ id: (own.bus << 8) | own.devfn, by: dev }];
  let below = own.bus;
  for (const bridge of bridges(k, dev)) {
    const at = pciAddress(bridge.name);
    if (at === null) break;
    const self = (at.bus << 8) | at.devfn;
    const type = bridge.spec.pci?.pcie ?? null;
    if (type === 'pcie-to-pci') aliases.push({ id: below << 8, by: bridge.name });
    else if (type === 'pci-to-pcie' || type === null) aliases.push({ id: self, by: bridge.name });
    below = at.bus;
  }
  return aliases;
}

/**
 * The host bridge device a PCI function hangs below, or null.
 *
 * Kernel: drivers/pci/host-bridge.c:pci_get_host_bridge_device, v6.1.
 * Leaves out: nothing.
 */
export function pci_get_host_bridge_device(k: Facts, dev: string): ReadDevice | null {
  return ancestors(k, dev).find((above) => above.bus !== 'pci') ?? null;
}

/** What a map says of an id: null where no row covers it. */
interface Mapped {
  readonly stream: StreamId | null;
  /** The base of a row, met before any that covers the id, that has bits the mask takes away. */
  readonly badBase: number | null;
}

/**
 * An id through an iommu-map, row by row.
 *
 * Kernel: drivers/of/base.c:of_map_id, v6.1.
 * Leaves out: a property whose length is not that of whole rows, rows that name no node.
 */
export function mapId(
  { iommu_map = [], iommu_map_mask = 0xffffffff }: Pick<DeviceSpec, 'iommu_map' | 'iommu_map_mask'>,
  id: number,
): Mapped {
  const masked = (id & iommu_map_mask) >>> 0;
  for (const { rid_base, iommu, sid_base, length } of iommu_map) {
    if ((rid_base & ~iommu_map_mask) !== 0) return { stream: null, badBase: rid_base };
    if (masked >= rid_base && masked < rid_base + length)
      return { stream: { iommu, id: masked - rid_base + sid_base }, badBase: null };
  }
  return { stream: null, badBase: null };
}

/** An id that firmware was asked about, and what it said. */
interface AskedId extends Mapped {
  readonly id: number;
}

/** The fsl-mc root device above a device of that bus, whose node holds the map. */
function mcRoot(k: Facts, dev: string): ReadDevice | null {
  return ancestors(k, dev).find((above) => above.bus !== 'fsl-mc') ?? null;
}

/**
 * The ids that the kernel asks an iommu-map about, in its order, up to the first that has no answer,
 * and whose map it is; null for a device that has no map to ask.
 *
 * Kernel: drivers/iommu/of_iommu.c:of_pci_iommu_init and of_iommu_configure_dev_id, v6.1;
 * drivers/acpi/arm64/iort.c:iort_pci_iommu_init; drivers/bus/fsl-mc/fsl-mc-bus.c:fsl_mc_dma_configure.
 * Leaves out: msi-map.
 */
export function askedIds(
  k: Facts,
  dev: string,
): { readonly of: ReadDevice; readonly asked: readonly AskedId[] } | null {
  const { spec, bus } = deviceOf(k, dev);
  const of =
    bus === 'fsl-mc'
      ? mcRoot(k, dev)
      : spec.pci === undefined
        ? null
        : pci_get_host_bridge_device(k, dev);
  if (of === null || of.spec.iommu_map === undefined) return null;
  const ids = bus === 'fsl-mc' ? [spec.icid ?? 0] : dmaAliases(k, dev).map((alias) => alias.id);
  const asked: AskedId[] = [];
  for (const id of ids) {
    const mapped = mapId(of.spec, id);
    asked.push({ id, ...mapped });
    if (mapped.stream === null) break;
  }
  return { of, asked };
}

/**
 * The ids of a device in the order the kernel asks for them; empty where no IOMMU sees it, or not
 * under each of them.
 *
 * Kernel: drivers/iommu/of_iommu.c:of_iommu_configure_device, v6.1;
 * drivers/acpi/arm64/iort.c:iort_iommu_configure_id.
 * Leaves out: msi-map.
 */
export function streamIds(k: Facts, dev: string): readonly StreamId[] {
  const { spec, bus } = deviceOf(k, dev);
  if (spec.pci === undefined && bus !== 'fsl-mc') return listedIds(spec);
  const asked = askedIds(k, dev)?.asked ?? [];
  const streams = asked.flatMap(({ stream }) => stream ?? []);
  return streams.length === asked.length ? streams : [];
}

/** The ids that firmware lists for a device, each with its IOMMU. */
function listedIds({ iommus = [] }: DeviceSpec): readonly StreamId[] {
  const listed: StreamId[] = [];
  for (const { iommu, ids } of iommus) for (const id of ids) listed.push({ iommu, id });
  return listed;
}

/** The IOMMU that firmware puts the device behind and has not switched off; null without one. */
export function iommuOf(k: Facts, dev: string): DeviceSpec | null {
  const [first] = streamIds(k, dev);
  const iommu = k.machine.devices.find(({ name }) => name === first?.iommu);
  return iommu === undefined || iommu.disabled === true ? null : iommu;
}
