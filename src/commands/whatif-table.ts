import type { Variant, WhatIfRow } from '../bisect/whatif.ts';
import { describeKernel } from '../model/versions/profile.ts';
import type { Judged } from '../report/expectations.ts';
import { wrapped } from '../report/export/wrap.ts';
import { painter, table } from './terminal.ts';

/** A run of the table, and what the scenario expects of it. */
export type Row = WhatIfRow & { readonly expectations: readonly Judged[] };

/**
 * The table, and behind it, where that is wanted, the changes that make no difference: most of those
 * that `--all` tries.
 */
export function tableOfRows(
  rows: readonly Row[],
  variants: readonly Variant[],
  isFolded: boolean,
): readonly string[] {
  const all = rows.map((row, i) => ({ row, variant: variants[i] }));
  const [base] = rows;
  const same = all.filter(
    ({ row, variant }) =>
      isFolded && base !== undefined && row !== base && isOneSwitch(variant) && isSame(row, base),
  );
  const shown = all.filter((one) => !same.includes(one));
  if (same.length < FOLDED_MIN) return [tableOf(all)];
  const names = same.map(({ variant }) => (variant === undefined ? '' : whatChanged(variant)));
  const makes = `no difference is made by ${same.length} others: ${names.join(', ')}`;
  return [tableOf(shown), ...wrapped(makes, WIDTH, '', '  ')];
}

/** Fewer rows than these are no burden. */
const FOLDED_MIN = 3;
const WIDTH = 100;

function isOneSwitch(variant: Variant | undefined): boolean {
  return variant !== undefined && variant.change.version === undefined;
}

/** Is nothing that the table tells another thing? */
function isSame(row: Row, base: Row): boolean {
  const told = ({ verdict, violation, expectations }: Row) =>
    [verdict, violation?.invariant, violation?.subject, expected(expectations)].join('\0');
  return told(row) === told(base) && !isPrintedOtherwise(row);
}

function tableOf(
  all: readonly { readonly row: Row; readonly variant: Variant | undefined }[],
): string {
  const paint = painter();
  const cells = all.map(({ row, variant }) => {
    const { verdict, violation, kernel, expectations } = row;
    return [
      describeKernel({ version: kernel, release: null }),
      variant === undefined ? '' : whatChanged(variant, row.step),
      verdict,
      expected(expectations),
      isPrintedOtherwise(row) ? `-${row.prints.missing.length} +${row.prints.extra.length}` : '',
      violation === null ? '' : `#${violation.event} ${violation.invariant}: ${violation.subject}`,
    ];
  });
  const verdictPaint = (cell: string) => {
    if (cell.startsWith('holds')) return paint('green', cell);
    return paint(cell.startsWith('violates') ? 'red' : 'yellow', cell);
  };
  const columns = [
    'kernel',
    'what changed',
    { heading: 'verdict', paint: verdictPaint },
    'expect',
    'prints',
    'first violation',
  ];
  // A column in which nothing would stand is left out.
  const used = columns.map((_, i) => i < 3 || cells.some((row) => row[i] !== ''));
  return table(
    cells.map((row) => row.filter((_, i) => used[i])),
    columns.filter((_, i) => used[i]),
  );
}

/** `ok`, or how many of the scenario's expectations are not met. */
function expected(expectations: readonly Judged[]): string {
  const failed = expectations.filter(({ ok }) => !ok).length;
  if (expectations.length === 0) return '';
  return failed === 0 ? 'ok' : `${failed} of ${expectations.length} fail`;
}

export function isPrintedOtherwise({ prints: { missing, extra } }: WhatIfRow): boolean {
  return missing.length + extra.length > 0;
}

export const AS_IT_IS = 'as it is';

export function whatChanged(
  { change, edit, machine }: Variant,
  step: string | null = null,
): string {
  const { version, patches = {}, config = {} } = change;
  const settings = [
    ...Object.entries(patches).map(([name, on]) => `${on ? '+' : '-'}${name}`),
    ...Object.entries(config).map(([name, value]) => `${name}=${value}`),
    ...(machine === null ? [] : [`on ${machine.name}`]),
    ...(edit === null ? [] : [step ?? `${edit.kind} step ${edit.step}`]),
  ];
  return settings.join(' ') || (version === undefined ? AS_IT_IS : 'as shipped');
}
