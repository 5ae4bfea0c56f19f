import { expect, it } from 'vitest';
import { assert, unreachable } from '../src/assert.ts';

it('passes when the condition holds', () => {
  expect(() => assert(true, 'one is one')).not.toThrow();
});

it('throws the sentence when it does not', () => {
  expect(() => assert(false, 'one is one')).toThrow('This is a bug in reprobe: one is one');
});

it('names a value that should not exist', () => {
  expect(() => unreachable({ type: 'x' } as never, 'event')).toThrow(
    'unexpected event: {"type":"x"}',
  );
});
