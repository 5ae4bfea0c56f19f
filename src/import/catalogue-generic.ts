/** Messages of helpers that any driver may call; tried after all others. Columns: catalogue-row.ts. */
import type { RowSource } from './catalogue-row.ts';

export const GENERIC: readonly RowSource[] = [
  [
    'probe-error',
    'probe.error',
    null,
    '5.10',
    null,
    'drivers/base/core.c',
    '{prefix} {dev}: error {error}: {reason:text}',
    'lab_plat dev-chain-b: error -517: cannot get clock',
  ],
];
