/** Lines of a trace, as /sys/kernel/tracing/trace and `trace-cmd report` print them. */

/** One event of a trace. */
export interface FtraceLine {
  /** Name and pid of the task; the name may be `<...>` when it was not recorded. */
  readonly task: string;
  readonly pid: number;
  readonly timeUs: number;
  /** Name of the tracepoint or probe. */
  readonly name: string;
  /** What it says. */
  readonly text: string;
  /** Line of the file, from 1. */
  readonly line: number;
}

/** What is not a line of a trace. */
export interface BadFtraceLine {
  readonly line: number;
  readonly text: string;
  /** It is the last one, and may be torn. */
  readonly isLast: boolean;
}

/** The CPU, then the thread group and the flags, which not every trace has; the fraction may be of ns. */
const LINE =
  /^\s*(\S.{0,39}?)-(\d{1,9})\s+(?:\([ \d-]{1,9}\)\s+)?\[\d{1,5}\]\s+(?:[A-Za-z.#0-9]{4,6}\s+)?(\d{1,9})\.(\d{6})(?:\d{3})?: +([^\s:]+): *(.*)$/;
/** What trace-cmd says of the file itself, and the tracer of what was lost. */
const ABOUT = /^(?:#|version = \d|cpus=\d|CPU:? ?\d+ |\s*$)/;

/** The events of a trace; comments and what is said of the file are passed over. */
export function* linesOfTrace(text: string): Generator<FtraceLine | BadFtraceLine> {
  const lines = text.split('\n');
  for (const [index, raw] of lines.entries()) {
    const text = raw.replace(/\r$/, '');
    if (ABOUT.test(text)) continue;
    const line = index + 1;
    const match = LINE.exec(text);
    if (match === null) {
      yield { line, text, isLast: index === lines.length - 1 };
      continue;
    }
    const [, task = '', pid, seconds, micros, name = '', rest = ''] = match;
    const timeUs = Number(seconds) * 1_000_000 + Number(micros);
    yield { task, pid: Number(pid), timeUs, name, text: rest, line };
  }
}

/** Is it a line of a trace? */
export function isTraceLine(text: string): boolean {
  return LINE.test(text);
}
