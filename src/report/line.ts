/** Lines of text with a meaning that a terminal may show as colour. */

export type Tone = 'bad' | 'good' | 'head' | 'dim';

export interface Line {
  readonly text: string;
  readonly tone?: Tone;
}

export function line(text: string, tone?: Tone): Line {
  return tone === undefined ? { text } : { text, tone };
}

/** Rows as lines, each column as wide as its widest cell, two spaces apart. */
export function aligned(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
  indent = '',
): readonly Line[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      const width = widths[i] ?? 0;
      return right.includes(i) ? cell.padStart(width) : cell.padEnd(width);
    });
    return { text: `${indent}${cells.join('  ')}`.trimEnd() };
  });
}

/** `one event`, `2 events`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A value in a sentence or a cell: text bare, anything else as JSON. */
export function shown(value: unknown): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
