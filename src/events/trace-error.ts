/** Where in a trace file reading is, and the errors that a torn or changed file gives. */
import { ReprobeError } from '../error.ts';

/** Where in the file reading is: the line from `start` to `end`, counted from 1. */
export interface Spot {
  readonly file: string;
  line: number;
  start: number;
  end: number;
  /** The key that is wrong in the line, if one is to blame. */
  wrongKey: string | null;
}

/** A header can be a megabyte; a message shows less of it. */
const SHOWN_MAX = 1 << 16;
export const EDIT_HINT = 'traces are records; change the scenario or log and make the trace again';

/** The line that is wrong and the column of the key to blame, or of the line's start. */
export function wrongPart(content: Buffer, { start, end, wrongKey }: Spot) {
  const sourceLine = content.toString('utf8', start, Math.min(end, start + SHOWN_MAX));
  const column = wrongKey === null ? 0 : sourceLine.indexOf(`${JSON.stringify(wrongKey)}:`);
  return { sourceLine, column: Math.max(0, column) + 1 };
}

/** Cut off at `spot`, after so many whole events. */
export function torn(content: Buffer, spot: Spot, events: number): ReprobeError {
  const end = spot.end < 0 ? content.length : spot.end;
  const sourceLine = content.toString('utf8', spot.start, Math.min(end, spot.start + SHOWN_MAX));
  const whole = events === 0 ? 'before its first event' : `after event ${events - 1}`;
  return new ReprobeError('TORN_TRACE', `The trace is cut off ${whole}.`, {
    file: spot.file,
    line: spot.line,
    column: sourceLine.length + 1,
    sourceLine,
    hint: 'the writing was interrupted, or the file was copied in part: make or copy it again',
  });
}

/** Its lines read well, but a digest does not fit. */
export function edited(content: Buffer, spot: Spot, isMachine: boolean): ReprobeError {
  const what = isMachine
    ? 'its bytes do not match the digest in its last line'
    : 'its machine does not match the machineDigest';
  return new ReprobeError('EDITED_TRACE', `The trace was changed: ${what}.`, {
    file: spot.file,
    line: isMachine ? spot.line : 1,
    column: 1,
    sourceLine: isMachine ? content.toString('utf8', spot.start, spot.end) : null,
    hint: EDIT_HINT,
  });
}
