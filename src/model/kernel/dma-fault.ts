/** What an IOMMU did not let through, and who hears of it. */
import type { DmaFault, Kernel } from '../context.ts';
import type { Path } from '../path.ts';
import { instanceOf } from './iommu-ops.ts';

/**
 * An IOMMU refuses a transaction, and its driver says so if it is there to hear of it: it asks for its
 * interrupts before it registers the IOMMU.
 *
 * Kernel: none: hardware, then the driver's interrupt handler.
 * Leaves out: that the device tries again.
 */
export function* refuseDma(k: Kernel, fault: DmaFault): Path<void> {
  const { dev, iommu, id } = fault;
  yield { type: 'dma.faulted', dev, iommu, id };
  const drv = instanceOf(k, iommu)?.ops ?? k.state.devices[iommu]?.driver ?? null;
  const report = drv === null ? undefined : k.ops.iommu(drv)?.report_fault;
  if (report !== undefined) yield* report(k, fault);
}
