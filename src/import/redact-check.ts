/** Whether a redacted log says what the log says. */
import { assert } from '../assert.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Imported } from './import.ts';
import type { Redactor } from './redact.ts';

/**
 * Asserts that the run of the redacted log is the run of the log with its texts redacted, event by
 * event, and that the same lines contradict it. What follows from events and divergences, every verdict
 * among it, is then the same.
 */
export function expectUnchanged(redactor: Redactor, plain: Imported, redacted: Imported): void {
  const isSame = (before: unknown, after: unknown): boolean =>
    canonicalJson(redactor.value(before)) === canonicalJson(after);
  const { header, events } = plain.trace;
  const changed = events.findIndex((event, i) => !isSame(event, redacted.trace.events[i] ?? null));
  assert(changed < 0, `redaction changes event #${changed} of this log`);
  assert(events.length === redacted.trace.events.length, 'redaction adds events to this log');
  assert(
    isSame(header, redacted.trace.header),
    'redaction changes the machine or kernel of this log',
  );
  assert(
    isSame(plain.divergences, redacted.divergences),
    'redaction changes what contradicts this log',
  );
}
