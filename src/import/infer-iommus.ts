/** The IOMMUs that a log shows, as devices of its machine. */
import { type DeviceSpec, type IommuKind, isX86Iommu } from '../events/machine.ts';
import type { Evidence } from './evidence.ts';

/** What makes the device an IOMMU. AMD's are PCI functions, the others are devices of their own. */
export function iommuAt(
  { iommus, coherent }: Evidence,
  dev: string,
): Pick<DeviceSpec, 'iommu_kind' | 'dma_coherent'> {
  const kind = iommus.find((iommu) => iommu.dev === dev)?.kind;
  return kind === undefined ? {} : { iommu_kind: kind, dma_coherent: coherent[dev] ?? true };
}

/** The bus of an IOMMU; '' for one that is no device of a bus. */
export function busOfIommu(kind: IommuKind): string {
  if (isX86Iommu(kind)) return '';
  return kind === 'virtio-iommu' ? 'virtio' : 'platform';
}
