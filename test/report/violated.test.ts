import { expect, it } from 'vitest';
import { violated } from '../../src/report/violated.ts';

it.each([
  [['a'], '1 invariant'],
  [['a', 'b'], '2 invariants'],
  [['a', 'b', 'a'], '2 invariants, 3 times'],
])('%j are %s', (names, said) => {
  expect(violated(names.map((invariant) => ({ invariant })))).toBe(said);
});
