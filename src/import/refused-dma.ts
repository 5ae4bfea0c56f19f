/** Transactions that an IOMMU refused, as the lines of its driver tell of them. */
import type { DmaStimulus } from '../events/stimulus.ts';
import type { Facts } from '../model/context.ts';
import { streamIds } from '../model/kernel/requester-ids.ts';
import { TRACED_ROW } from './ftrace-events.ts';
import type { Observation } from './observation.ts';

/**
 * A device read or wrote, and an IOMMU refused. What the lines say of the reason is left out: that is
 * for the model to find.
 */
export interface RefusedDma {
  /** The first line that tells of it. */
  readonly observation: Observation;
  /** The IOMMU; null where the line names none. */
  readonly iommu: string | null;
  /** Stream, endpoint or requester id; null where the line names the device itself. */
  readonly id: number | null;
  readonly dev: string | null;
  /** 0 where the IOMMU did not write it down: it never looked at the address. */
  readonly addr: number;
  readonly write: boolean;
}

/** Bits of syndrome registers that stand for a write. */
const GFSYNR0_WNR = 1 << 1;
const FSYNR0_WNR = 1 << 4;
/** The same in an AMD event's flags. */
const AMD_FLAG_RW = 1 << 5;
/** In the second double word of an SMMU v3's event: it was a read. */
const EVENT_READ = 1n << 35n;
const EVENT_WORDS = 4;

/** The refused transactions that a log tells of, in its order; those at addresses from 2^53 on are left out. */
export function refusedDma(observations: readonly Observation[]): readonly RefusedDma[] {
  const found: RefusedDma[] = [];
  const open = new Map<string, Observation[]>();
  const raw = new Set<string>();
  for (const observation of observations) {
    const { kind, dev } = observation;
    if (kind !== 'iommu.fault' && kind !== 'iommu.fault_detail') continue;
    const who = dev ?? '';
    if (observation.row === 'smmu3-event-decoded' && raw.delete(who)) {
      // The same record again, in words.
      open.delete(who);
      continue;
    }
    if (kind === 'iommu.fault') {
      open.set(who, [observation]);
      raw.delete(who);
    }
    if (kind === 'iommu.fault_detail') open.get(who)?.push(observation);
    const lines = open.get(who);
    const dma = lines === undefined ? null : transactionOf(lines);
    if (dma === null) continue;
    open.delete(who);
    if (observation.row === 'smmu3-event-word') raw.add(who);
    if (Number.isSafeInteger(dma.addr)) found.push(dma);
  }
  return found;
}

/** What one fault's lines tell, the first line first; null while something is missing. */
function transactionOf(lines: readonly Observation[]): RefusedDma | null {
  const [first] = lines;
  const last = lines.at(-1);
  if (first === undefined || last === undefined) return null;
  const { fields } = last;
  const seen = { observation: first, iommu: first.dev, id: null, dev: null };
  switch (last.row) {
    case 'smmu3-event-word':
      return lines.length > EVENT_WORDS ? eventOf(seen, lines.slice(1)) : null;
    case 'smmu3-event-decoded':
      // The line of the access follows where there is an address.
      return iovaIn(fields['detail']) === null ? decodedEvent(seen, first, false) : null;
    case 'smmu3-event-access':
      return decodedEvent(seen, first, fields['access'] === 'write');
    case 'smmu-context-fault':
      return {
        ...seen,
        ...idAndAddress(fields['sid'], fields['iova']),
        write: (hexOf(fields['fsynr']) & FSYNR0_WNR) !== 0,
      };
    case 'smmu-global-fault-detail':
      return {
        ...seen,
        ...idAndAddress(fields['sid'], '0'),
        write: (hexOf(fields['gfsynr0']) & GFSYNR0_WNR) !== 0,
      };
    case 'viommu-fault':
    case 'viommu-fault-nowhere':
      return {
        ...seen,
        id: Number(fields['endpoint']),
        addr: hexOf(fields['iova']),
        write: fields['flags']?.includes('W') === true,
      };
    case `${TRACED_ROW}io_page_fault`:
    case 'dmar-fault':
    case 'dmar-fault-old':
      return {
        ...seen,
        iommu: null,
        dev: first.dev,
        addr: hexOf(fields['iova']),
        write: fields['access']?.startsWith('DMA Write') === true,
      };
    case 'amd-fault':
    case 'amd-fault-no-dev':
      return {
        ...seen,
        iommu: null,
        dev: first.dev,
        addr: hexOf(fields['iova']),
        write: (hexOf(fields['flags']) & AMD_FLAG_RW) !== 0,
      };
    default:
      return null;
  }
}

type Seen = Pick<RefusedDma, 'observation' | 'iommu' | 'id' | 'dev'>;

/**
 * A record of an SMMU v3 in its four double words.
 *
 * Source: Arm SMMU architecture, version 3, 7.3: the stream id, the direction, the address.
 */
function eventOf(seen: Seen, lines: readonly Observation[]): RefusedDma {
  const [head = 0n, flags = 0n, addr = 0n] = lines.map(({ fields }) =>
    BigInt(`0x${bare(fields['word'])}`),
  );
  const isAddressed = flags !== 0n || addr !== 0n;
  const write = isAddressed && (flags & EVENT_READ) === 0n;
  return { ...seen, id: Number(head >> 32n), addr: Number(addr), write };
}

function decodedEvent(seen: Seen, { fields }: Observation, write: boolean): RefusedDma {
  return { ...seen, ...idAndAddress(fields['sid'], iovaIn(fields['detail']) ?? '0'), write };
}

const iovaIn = (detail: string | undefined): string | null =>
  /\biova: (0x[0-9a-f]+)/.exec(detail ?? '')?.[1] ?? null;

const idAndAddress = (id: string | undefined, addr: string | undefined) => ({
  id: hexOf(id),
  addr: hexOf(addr),
});

const bare = (text = '0'): string => text.replace(/^0x/, '') || '0';
const hexOf = (text: string | undefined): number => Number.parseInt(bare(text), 16);

/**
 * Makes stimuli of transactions; null where no device that is there speaks to the IOMMU like that.
 *
 * Cost: a look at all devices for each new pair of IOMMU and id, and where that has gone elsewhere.
 */
export function dmaStimuli(k: Facts): (dma: RefusedDma) => DmaStimulus | null {
  const masters = new Map<string, { readonly dev: string | null; readonly devices: number }>();
  const isMaster = (name: string, { iommu, id }: RefusedDma): boolean => {
    // The device of a virtio-iommu hangs below what firmware names.
    const names = [iommu, k.state.devices[iommu ?? '']?.parent ?? null];
    const streams = k.state.devices[name] === undefined ? [] : streamIds(k, name);
    return streams.some(
      (stream) =>
        (id === null || stream.id === id) && (iommu === null || names.includes(stream.iommu)),
    );
  };
  const masterOf = (dma: RefusedDma): string | null => {
    if (dma.dev !== null) return isMaster(dma.dev, dma) ? dma.dev : null;
    const key = `${dma.iommu} ${dma.id}`;
    const known = masters.get(key);
    const all = Object.keys(k.state.devices);
    if (known?.dev != null && isMaster(known.dev, dma)) return known.dev;
    if (known?.dev === null && known.devices === all.length) return null;
    const dev = all.find((name) => isMaster(name, dma)) ?? null;
    masters.set(key, { dev, devices: all.length });
    return dev;
  };
  return (dma) => {
    const dev = masterOf(dma);
    if (dev === null) return null;
    return { do: 'dma', dev, addr: dma.addr, write: dma.write, cacheable: false };
  };
}
