/** DMA that runs already, and an IOMMU that does not let it through any more. */
import type { DmaFault, Facts, Kernel } from '../context.ts';
import { fateOf } from '../hardware/requests.ts';
import { deviceOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { refuseDma } from './dma-fault.ts';
import { streamIds } from './requester-ids.ts';

/** The address that running DMA goes to, as far as firmware tells: the start of one of its ranges. */
function addressOf(k: Kernel, dev: string): number {
  const { reserved = [], boot_memory = [] } = deviceOf(k, dev).spec;
  const buffers = boot_memory.filter(({ tables }) => tables !== true);
  return [...reserved, ...buffers].find(({ start }) => start !== undefined)?.start ?? 0;
}

/** Streams of a device that its IOMMUs refuse while it does the DMA that it does since before the kernel. */
export function refusedStreams(k: Facts, dev: string): readonly Omit<DmaFault, 'addr'>[] {
  return streamIds(k, dev).flatMap((stream) => {
    const request = { ...stream, dev, write: false };
    const why = fateOf(k, { ...request, addr: null })?.why ?? null;
    return why === null ? [] : [{ ...request, why }];
  });
}

/**
 * Running DMA of a device meets the IOMMU, or all of its own, as it is now: where that does not let it
 * through, it faults.
 *
 * Kernel: none: hardware.
 * Leaves out: where in its ranges it is; the first address stands for all.
 */
export function* meetIommu(k: Kernel, dev: string, at?: string): Path<void> {
  for (const refused of refusedStreams(k, dev))
    if (at === undefined || refused.iommu === at)
      yield* refuseDma(k, { ...refused, addr: addressOf(k, dev) });
}

/** All devices with running DMA behind an IOMMU meet it. */
export function* allMeetIommu(k: Kernel, iommu: string): Path<void> {
  const live = Object.values(k.state.devices).filter((device) => device.live_dma);
  for (const { name } of live) yield* meetIommu(k, name, iommu);
}

/** Does `change`; running DMA of the devices faults from then on, where it did not, or not for that. */
export function* meetAfter(
  k: Kernel,
  devices: readonly string[],
  change: Path<number>,
): Path<number> {
  const live = devices.filter((dev) => deviceOf(k, dev).live_dma);
  const before = live.map((dev) => JSON.stringify(refusedStreams(k, dev)));
  const ret = yield* change;
  for (const [i, dev] of live.entries())
    if (JSON.stringify(refusedStreams(k, dev)) !== before[i]) yield* meetIommu(k, dev);
  return ret;
}
