/** What becomes of a request at whatever IOMMU sees it. */

import type { StreamType } from '../../events/terms.ts';
import type { Facts } from '../context.ts';
import { groupOf } from '../lookup.ts';
import { requestAtIpmmu } from './ipmmu.ts';
import { streamOf } from './streams.ts';
import { endpointAt } from './virtio-iommu.ts';
import { requestAtX86 } from './x86-unit.ts';

export interface Request {
  readonly iommu: string;
  readonly dev: string;
  /** The stream, requester or endpoint id it comes with. */
  readonly id: number;
}

/**
 * Does running DMA of the device end here? It does where the request faults, or goes through a domain
 * without the ranges of firmware.
 *
 * @returns what becomes of it; null where it goes on, or nobody knows.
 */
export function cutOff(k: Facts, request: Request): StreamType | null {
  const does = requestAt(k, request);
  if (does === 'fault') return does;
  if (does !== 'translate') return null;
  const group = groupOf(k, request.dev);
  if (group === undefined) return does;
  const isUsers = group.domain === 'unmanaged' || group.domain === 'blocked';
  return !isUsers && group.direct_mapped.includes(request.dev) ? null : does;
}

/** What the IOMMU does with the request; null where the machine does not describe its hardware. */
export function requestAt(k: Facts, { iommu, dev, id }: Request): StreamType | null {
  return (
    streamOf(k, iommu, id) ??
    requestAtX86(k, iommu, dev) ??
    endpointAt(k, iommu, id) ??
    requestAtIpmmu(k, iommu, id)
  );
}
