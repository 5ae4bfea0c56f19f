/** What becomes of a request at whatever IOMMU sees it. */

import type { DmaResult, FaultReason } from '../../events/dma-events.ts';
import type { StreamType } from '../../events/terms.ts';
import type { Facts } from '../context.ts';
import { translatingDomain } from '../kernel/io-mappings.ts';
import { SMMUS } from '../kernel/kconfig.ts';
import { streamIds } from '../kernel/requester-ids.ts';
import { deviceOf, groupOf } from '../lookup.ts';
import { mappingAt } from '../state/io-mappings.ts';
import type { ReadGroup } from '../state/state.ts';
import { kindOf } from './iommu-kind.ts';
import { requestAtIpmmu } from './ipmmu.ts';
import { isUnidentified, streamOf } from './streams.ts';
import { endpointAt } from './virtio-iommu.ts';
import { requestAtX86 } from './x86-unit.ts';

export interface Request {
  readonly iommu: string;
  readonly dev: string;
  /** The stream, requester or endpoint id it comes with. */
  readonly id: number;
  /** Null for DMA that runs since before the kernel: it goes where firmware wants it, wherever that is. */
  readonly addr: number | null;
  readonly write: boolean;
}

/** What becomes of it. */
export interface Outcome {
  readonly result: DmaResult;
  readonly why: FaultReason | null;
  /** The mapping that translates it has IOMMU_CACHE. */
  readonly cache: boolean | null;
}

export const BYPASSED: Outcome = { result: 'bypassed', why: null, cache: null };
const fault = (why: FaultReason): Outcome => ({ result: 'faulted', why, cache: null });
const translated = (cache: boolean | null): Outcome => ({ result: 'translated', why: null, cache });

/** What the IOMMU makes of the request; null where the machine does not describe its hardware. */
export function fateOf(k: Facts, request: Request): Outcome | null {
  const does = requestAt(k, request);
  if (does === null) return null;
  return through(k, request, does === 'fault' ? whyRefused(k, request) : does);
}

/** What the IOMMU does with the request; null where the machine does not describe its hardware. */
function requestAt(k: Facts, { iommu, dev, id }: Request): StreamType | null {
  return (
    streamOf(k, iommu, id) ??
    requestAtX86(k, iommu, dev) ??
    endpointAt(k, iommu, id) ??
    requestAtIpmmu(k, iommu, id)
  );
}

/** Does nothing say anything of its stream, or does what is there refuse it? */
function whyRefused(k: Facts, request: Request): 'stream' | 'entry' {
  const { iommu, id } = request;
  const kind = kindOf(k, iommu);
  if (SMMUS.includes(kind ?? '')) return isUnidentified(k, iommu, id) ? 'stream' : 'entry';
  return kind === 'intel' && groupAt(k, request) === undefined ? 'stream' : 'entry';
}

/** What becomes of a request of which the IOMMU does this, or which it refuses for that reason. */
export function through(
  k: Facts,
  request: Request,
  does: Exclude<StreamType, 'fault'> | 'stream' | 'entry',
): Outcome {
  switch (does) {
    case 'boot':
      return throughBootTables(k, request);
    case 'bypass':
      return BYPASSED;
    case 'translate':
      return request.addr === null
        ? throughFirmwareRanges(k, request)
        : throughTables(k, request, request.addr);
    default:
      return fault(does);
  }
}

function throughTables(k: Facts, request: Request, addr: number): Outcome {
  const group = groupAt(k, request);
  const domain = group === undefined ? null : translatingDomain(k, group.id);
  const mapping = domain === null ? undefined : mappingAt(k.state.io_mappings, domain, addr);
  if (mapping === undefined || mapping.unseen_by !== null) return fault('translation');
  const isAllowed = request.write ? mapping.write : mapping.read;
  return isAllowed ? translated(mapping.cache) : fault('permission');
}

/** A domain of the kernel has what firmware wants mapped for the device, if it was mapped; a user's has not. */
function throughFirmwareRanges(k: Facts, request: Request): Outcome {
  const group = groupAt(k, request);
  const isUsers = group?.domain === 'unmanaged' || group?.domain === 'blocked';
  const isMapped = !isUsers && group?.direct_mapped.includes(request.dev) === true;
  return isMapped ? translated(null) : fault('translation');
}

/** Through the tables that firmware made, as far as the machine says what they map. */
function throughBootTables(k: Facts, { dev, addr }: Request): Outcome {
  const { boot_memory } = deviceOf(k, dev).spec;
  if (addr === null) return translated(null);
  const buffers = boot_memory?.filter(({ tables }) => tables !== true);
  const isMapped = buffers?.some(({ start, length }) => addr >= start && addr < start + length);
  return isMapped === false ? fault('translation') : translated(null);
}

/** The group of its device, or that of one which speaks under the same id. */
export function groupAt(
  k: Facts,
  { dev, iommu, id }: Pick<Request, 'dev' | 'iommu' | 'id'>,
): ReadGroup | undefined {
  const own = groupOf(k, dev);
  if (own !== undefined) return own;
  const other = Object.values(k.state.devices).find(
    (device) =>
      device.iommu === iommu &&
      device.iommu_group !== null &&
      streamIds(k, device.name).some((stream) => stream.iommu === iommu && stream.id === id),
  );
  return other === undefined ? undefined : groupOf(k, other.name);
}
