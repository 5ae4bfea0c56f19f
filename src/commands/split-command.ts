import { findInvariant, INVARIANTS } from '../invariants/all.ts';
import type { Invariant } from '../invariants/invariant.ts';
import { joinSignedValues, unknown } from './kernel-flags.ts';

/** What stands before `--`, and the command after it; null without one. */
export function splitCommand(given: readonly string[]) {
  const at = given.indexOf('--');
  if (at < 0) return { argv: joinSignedValues(given), command: null };
  return { argv: joinSignedValues(given.slice(0, at)), command: given.slice(at + 1) };
}

/** @throws ReprobeError UNKNOWN_NAME for what is neither an id nor a code. */
export function invariantNamed(name: string): Invariant {
  const found = findInvariant(name);
  if (found !== undefined) return found;
  const names = INVARIANTS.flatMap(({ id, code }) => [id, code]);
  throw unknown('invariant', name, names, 'invariants');
}
