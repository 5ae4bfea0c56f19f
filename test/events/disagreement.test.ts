import { expect, it } from 'vitest';
import { disagreement } from '../../src/events/disagreement.ts';

it.each([
  ['no such line', 'a', 'the log has "a", the model would not print it'],
  ['a ', 'no such line', 'the model prints "a", the log lacks it'],
  ['a', 'b', 'the model has "a", the log "b"'],
])('%j and %j', (expected, observed, said) => {
  expect(disagreement({ expected, observed })).toBe(said);
});
