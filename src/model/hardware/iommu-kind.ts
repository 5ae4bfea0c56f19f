/** What an IOMMU is. */
import type { DeviceSpec, IommuKind } from '../../events/machine.ts';
import type { Facts } from '../context.ts';

/**
 * The kind of an IOMMU by the name under which firmware knows it: of a virtio-iommu that is its transport,
 * and the IOMMU is what the driver of that creates. undefined for what is none.
 */
export function kindOf(k: Pick<Facts, 'machine'>, iommu: string | null): IommuKind | undefined {
  const spec = k.machine.devices.find(({ name }) => name === iommu);
  return spec === undefined ? undefined : kindIn(spec);
}

function kindIn({ iommu_kind, creates = [] }: DeviceSpec): IommuKind | undefined {
  if (iommu_kind !== undefined) return iommu_kind;
  return creates.map(kindIn).find((kind) => kind !== undefined);
}
