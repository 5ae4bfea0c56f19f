/**
 * JSON with the keys of every object in order of their code units and no white space: equal values
 * have equal texts, however they came about. A key whose value is undefined counts as absent.
 *
 * Cost: linear in the value, with a sort an object. Recursive: for values nested as deep as types of
 * this project allow, not for any parsed JSON.
 */
import { assert } from '../assert.ts';

export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
    return `{${entries.join(',')}}`;
  }
  assert(
    value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value),
    `${String(value)} is hashed, which JSON cannot hold`,
  );
  return JSON.stringify(value);
}
