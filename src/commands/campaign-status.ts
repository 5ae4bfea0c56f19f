import { edgesReached } from '../fuzz/edges.ts';
import { type Known, type Ledger, timesSeen } from '../fuzz/ledger.ts';

export interface Status {
  /** So many troubles are still to be looked into. */
  pending(troubles: number): void;
  /** A finding was saved. */
  finding(known: Known, path: string): void;
  done(): void;
}

interface Stream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface StatusOptions {
  readonly ledger: Ledger;
  /** Seconds since the beginning. */
  readonly clock: () => number;
  /** How long it is to last, in seconds; null for no limit. */
  readonly limit: number | null;
  /** A line of JSON a second; otherwise one line that is written over, on a terminal only. */
  readonly json: boolean;
}

const JSON_MS = 1000;
const LINE_MS = 200;

/** Tells how far a campaign is, on standard error. */
export function startStatus(options: StatusOptions, stream: Stream = process.stderr): Status {
  const { ledger, json, clock } = options;
  const isShown = json || stream.isTTY === true;
  const before = ledger.runs;
  let pending = 0;
  const say = (): void => {
    if (json) stream.write(`${JSON.stringify(progressOf(ledger, clock(), before, pending))}\n`);
    else stream.write(`\r${lineOf(options, before, pending)}\x1b[K`);
  };
  const timer = isShown ? setInterval(say, json ? JSON_MS : LINE_MS) : null;
  return {
    pending(troubles) {
      pending = troubles;
    },
    finding(known, path) {
      if (!json) {
        if (isShown) stream.write('\r\x1b[K');
        return;
      }
      const { run, finding } = known.first;
      const { invariant, signature, fixes } = finding;
      const seen = timesSeen(ledger, known);
      const report = { type: 'finding', invariant, signature, scenario: path, run, fixes, seen };
      stream.write(`${JSON.stringify(report)}\n`);
    },
    done() {
      if (timer !== null) clearInterval(timer);
      if (json) say();
      else if (isShown) stream.write('\r\x1b[K');
    },
  };
}

function progressOf(ledger: Ledger, seconds: number, before: number, pending: number): object {
  const { runs, events, known } = ledger;
  const rate = seconds > 0 ? Math.round((runs - before) / seconds) : 0;
  const { edges, of } = edgesReached(ledger.points);
  return {
    ...{ type: 'progress', runs, events, seconds: Math.round(seconds * 10) / 10 },
    ...{ runsPerSecond: rate, findings: known.length, pending, edges, of },
  };
}

function lineOf({ ledger, clock, limit }: StatusOptions, before: number, pending: number): string {
  const seconds = clock();
  const { runs, known, points } = ledger;
  const rate = seconds > 0 ? Math.round((runs - before) / seconds) : 0;
  const time = limit === null ? span(seconds) : `${span(seconds)} of ${span(limit)}`;
  const findings = `${known.length} ${known.length === 1 ? 'finding' : 'findings'}`;
  const isLate = limit !== null && seconds > limit && pending > 0;
  const last = isLate ? `  time is up: ${pending} more to look into` : '';
  return `${time}  ${runs} runs  ${rate}/s  ${points.size} points reached  ${findings}${last}`;
}

/** `7s`, `12:05`, `3:00:00`. */
function span(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole}s`;
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [first = 0, ...rest] = parts[0] === 0 ? parts.slice(1) : parts;
  return [first, ...rest.map((part) => String(part).padStart(2, '0'))].join(':');
}
