/** Ranges of addresses. */

export interface Range {
  readonly start: number;
  readonly length: number;
}

/** Have the two an address in common? */
export function overlaps(a: Range, b: Range): boolean {
  return a.start < b.start + b.length && b.start < a.start + a.length;
}
