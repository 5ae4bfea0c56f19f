/** DMA that runs since before the kernel, and an IOMMU that does not let it through any more. */
import type { DmaFault, Kernel } from '../context.ts';
import { cutOff } from '../hardware/requests.ts';
import { deviceOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { streamIds } from './requester-ids.ts';

/** The address that running DMA goes to, as far as firmware tells: the start of its reserved range. */
function addressOf(k: Kernel, dev: string): number {
  const { reserved = [] } = deviceOf(k, dev).spec;
  return reserved.find(({ start }) => start !== undefined)?.start ?? 0;
}

/**
 * Running DMA of a device meets the IOMMU as it is now: where that does not let it through, it faults,
 * and the IOMMU's driver says so if it is there to hear of it.
 *
 * Kernel: none: hardware, then the driver's interrupt handler.
 * Leaves out: that the device tries again.
 */
export function* meetIommu(k: Kernel, dev: string): Path<void> {
  const device = deviceOf(k, dev);
  if (!device.live_dma) return;
  for (const { iommu, id } of streamIds(k, dev)) {
    const does = cutOff(k, { iommu, id, dev });
    if (does === null) continue;
    yield { type: 'dma.faulted', dev, iommu, id };
    const why: DmaFault['why'] = does === 'fault' ? 'entry' : 'translation';
    const instance = k.state.iommus.find(({ name }) => name === iommu);
    const ops = instance === undefined ? null : k.ops.iommu(instance.ops);
    const fault: DmaFault = { iommu, dev, id, addr: addressOf(k, dev), write: false, why };
    if (ops?.report_fault !== undefined) yield* ops.report_fault(k, fault);
  }
}

/** All devices with running DMA behind an IOMMU meet it. */
export function* allMeetIommu(k: Kernel, iommu: string): Path<void> {
  const live = Object.values(k.state.devices).filter((device) => device.live_dma);
  for (const { name } of live)
    if (streamIds(k, name).some((stream) => stream.iommu === iommu)) yield* meetIommu(k, name);
}
