/** What words about DMA look like in files. */
import type { DmaResult, FaultReason } from './dma-events.ts';
import type { DmaOps } from './machine.ts';
import { oneOf } from './shape.ts';
import type { DomainType, StreamType } from './terms.ts';

export const domainType = oneOf<DomainType>({
  DMA: true,
  'DMA-FQ': true,
  identity: true,
  'identity-pasid': true,
  blocked: true,
  unmanaged: true,
});
export const streamType = oneOf<StreamType>({
  boot: true,
  translate: true,
  bypass: true,
  fault: true,
});
export const dmaOps = oneOf<DmaOps>({
  arm_dma_ops: true,
  arm_coherent_dma_ops: true,
  iommu_ops: true,
});
export const dmaResult = oneOf<DmaResult>({ bypassed: true, translated: true, faulted: true });
export const faultReason = oneOf<FaultReason>({
  stream: true,
  entry: true,
  translation: true,
  permission: true,
});
