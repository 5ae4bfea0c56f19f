/** A state, or a part of it, as text. */
import type { ReadState } from '../model/state/state.ts';
import { aligned, type Line, line } from './line.ts';

/** Every device with the driver it is bound to and its group. */
export function deviceTable(state: ReadState): readonly Line[] {
  const devices = Object.values(state.devices);
  if (devices.length === 0) return [line('no devices', 'dim')];
  const rows = devices.map(({ name, bus, driver, bound, iommu_group }) => [
    name,
    bus,
    driver === null ? '-' : bound ? driver : `${driver} (not bound)`,
    String(iommu_group ?? '-'),
  ]);
  const [heading, ...body] = aligned([['device', 'bus', 'driver', 'group'], ...rows], [3]);
  return heading === undefined ? body : [{ ...heading, tone: 'head' }, ...body];
}

/** What datasheets and lspci write in hexadecimal. */
const HEX: ReadonlySet<string> = new Set([
  'vendor',
  'device',
  'class',
  'rid_base',
  'sid_base',
  'ids',
]);

/** A value as JSON, with identifiers of hardware in hexadecimal; `keys` say where it stands. */
export function valueText(value: unknown, keys: readonly string[]): string {
  return (
    JSON.stringify(inHex(value, keys.findLast((key) => !/^\d+$/.test(key)) ?? ''), replacer, 2) ??
    'absent'
  );
}

function replacer(key: string, value: unknown): unknown {
  return inHex(value, key);
}

function inHex(value: unknown, key: string): unknown {
  if (!HEX.has(key)) return value;
  if (Array.isArray(value)) return value.map((item) => inHex(item, key));
  return typeof value === 'number' ? `0x${value.toString(16)}` : value;
}
