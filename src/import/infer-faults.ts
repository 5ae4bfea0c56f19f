/** What a device did, of which an IOMMU's driver says in a log that it was refused. */
import type { Run } from '../engine/run.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { streamIds } from '../model/kernel/requester-ids.ts';
import type { Observation } from './observation.ts';

type Dma = Extract<Stimulus, { do: 'dma' }>;

/** Flag of AMD's events: the request was a write. */
const AMD_WRITE = 0x20;

/**
 * The request that the line is about; null where it names no address, or no device that is there and
 * behind an IOMMU.
 */
export function faultedDma(observation: Observation, run: Run): Dma | null {
  const { row, fields } = observation;
  const iova = fields['iova'];
  if (iova === undefined) return null;
  const addr = Number.parseInt(iova.replace(/^0x/, ''), 16);
  const dev = masterOf(observation, run);
  if (dev === null || streamIds(run.kernel, dev).length === 0 || !Number.isSafeInteger(addr))
    return null;
  return { do: 'dma', dev, addr, write: isWrite(row, fields), cacheable: true };
}

/** Did the model let the device's last request pass? */
export function letPass({ dev }: Dma, { state }: Run): boolean {
  return state.last_dma[dev]?.result !== 'faulted';
}

/** The device, by the function that the line names or the endpoint of a virtio-iommu. */
function masterOf({ row, dev, fields }: Observation, { kernel, state }: Run): string | null {
  if (!row.startsWith('viommu-'))
    return dev !== null && /^(?:dmar|amd)-/.test(row) && state.devices[dev] !== undefined
      ? dev
      : null;
  const id = Number(fields['endpoint']);
  const found = Object.keys(state.devices).find((name) =>
    streamIds(kernel, name).some((stream) => stream.id === id),
  );
  return found ?? null;
}

function isWrite(row: string, fields: Observation['fields']): boolean {
  if (row.startsWith('dmar-')) return fields['access']?.startsWith('DMA Write') === true;
  if (row.startsWith('amd-')) return (Number(fields['flags']) & AMD_WRITE) !== 0;
  return fields['flags']?.includes('W') === true;
}
