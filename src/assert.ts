// Assertions catch bugs of reprobe itself. What is wrong in the input is a ReprobeError instead.

/** Throws when `condition` is false; `sentence` says what should have held. Stays on in releases. */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) bug(sentence);
}

/** Throws: what `sentence` says should never be. Where a value may be absent, after `??`. */
export function bug(sentence: string): never {
  throw new Error(`This is a bug in reprobe: ${sentence}`);
}

/** Marks a place no value can reach, so that a new variant of a union fails to compile there. */
export function unreachable(x: never, what: string): never {
  bug(`unexpected ${what}: ${JSON.stringify(x)}`);
}
