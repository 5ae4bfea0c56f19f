import { ReprobeError } from '../error.ts';
import { emptyTable, type Table } from '../events/table.ts';
import { type FtraceLine, linesOfTrace } from './ftrace-file.ts';

/** One line of a trace: a function was entered or returned. */
export interface KprobeEvent {
  /** Name and pid of the task; the name may be `<...>` when it was not recorded. */
  readonly task: string;
  readonly pid: number;
  readonly timeUs: number;
  /** The function as the recording calls it, without the `_ret` of its return probe. */
  readonly probe: string;
  readonly isReturn: boolean;
  /** What was fetched at entry. `owner_cnt` and `owner` are left out where `grp` is no number. */
  readonly args: Table<string>;
  /** Value returned as a signed 32-bit number, or an error pointer's errno; null otherwise. */
  readonly ret: number | null;
  /** Value returned as printed; a pointer has this only. */
  readonly retText: string | null;
  /** The last action begun before it; 0 before the first. */
  readonly action: number;
  /** Line of the file, from 1. */
  readonly line: number;
}

/** An entry with the return that belongs to it. */
export interface KprobeCall {
  readonly task: string;
  readonly pid: number;
  readonly probe: string;
  readonly args: Table<string>;
  /** null when it returned no number, was never seen to return, or has no return probe. */
  readonly ret: number | null;
  readonly retText: string | null;
  readonly action: number;
  /** Position among all calls, by entry. */
  readonly order: number;
  readonly timeUs: number;
  readonly returnTimeUs: number | null;
  /** How many calls of the same task were open when it was entered, as far as probed. */
  readonly depth: number;
  /** Line of the file, from 1. */
  readonly line: number;
}

const MARKER = /^reprobe-action: (\d{1,9}):/;
const ARGUMENT = / (\w+)=("[^"]*"|\(fault\)|\S+)/g;
const INT32 = 2 ** 31;
const POINTER_TOP = 2n ** 64n;
const INT_TOP = 2n ** 32n;
/** Kernel: include/linux/err.h: MAX_ERRNO. */
const MAX_ERRNO = 4095n;

/**
 * Reads the trace buffer of a session. Comments, markers and other trace events are passed over;
 * so is a last line that was torn.
 *
 * @throws ReprobeError BAD_SESSION with the line that is none.
 */
export function parseKprobes(text: string, file = 'kprobe.txt'): KprobeEvent[] {
  const events: KprobeEvent[] = [];
  let action = 0;
  for (const seen of linesOfTrace(text)) {
    if ('isLast' in seen) {
      if (seen.isLast) break;
      throw new ReprobeError('BAD_SESSION', 'not a line of a kprobe trace', {
        file,
        line: seen.line,
        column: 1,
        sourceLine: seen.text,
        hint: 'Expected TASK-PID [CPU] FLAGS SECONDS.MICROSECONDS: PROBE: (PLACE) ARGUMENTS.',
      });
    }
    action = actionMarked(seen) ?? action;
    const event = kprobeEvent(seen, action);
    if (event !== null) events.push(event);
  }
  return events;
}

/** The number of the action that the line marks as begun. */
export function actionMarked({ name, text }: FtraceLine): number | null {
  const n = name === 'tracing_mark_write' ? MARKER.exec(text)?.[1] : undefined;
  return n === undefined ? null : Number(n);
}

/** What a kprobe or kretprobe said; null for a line of another tracepoint. */
export function kprobeEvent(seen: FtraceLine, action: number): KprobeEvent | null {
  const { task, pid, timeUs, name, text, line } = seen;
  if (name === 'tracing_mark_write' || !text.startsWith('(')) return null;
  const args = readArguments(text.slice(text.indexOf(')') + 1));
  const retText = args['ret'] ?? null;
  const isReturn = name.endsWith('_ret');
  delete args['ret'];
  return {
    task,
    pid,
    timeUs,
    probe: isReturn ? name.slice(0, -'_ret'.length) : name,
    isReturn,
    args,
    ret: retText === null ? null : returnedNumber(retText),
    retText,
    action,
    line,
  };
}

function readArguments(text: string): Table<string> {
  const args = emptyTable<string>();
  for (const [, key = '', value = ''] of text.matchAll(ARGUMENT)) {
    args[key] = value.startsWith('"') ? value.slice(1, -1) : value;
  }
  const grp = args['grp'] ?? args['group'];
  if (grp !== undefined && !/^\d+$/.test(grp)) {
    delete args['owner_cnt'];
    delete args['owner'];
  }
  return args;
}

/**
 * Hexadecimal values are pointers, or numbers of 32 bits in a register: only the last 4095 of either
 * are error numbers.
 */
function returnedNumber(text: string): number | null {
  if (/^-?\d{1,10}$/.test(text)) {
    const value = Number(text);
    return value >= -INT32 && value < 2 * INT32 ? value | 0 : null;
  }
  if (!/^0x[0-9a-f]{1,16}$/i.test(text)) return null;
  const pointer = BigInt(text);
  if (pointer === 0n) return 0;
  const top = pointer < INT_TOP ? INT_TOP : POINTER_TOP;
  return pointer >= top - MAX_ERRNO ? Number(pointer - top) : null;
}

interface Open {
  readonly call: { -readonly [K in keyof KprobeCall]: KprobeCall[K] };
}

/**
 * Pairs each return with the latest entry of the same function in the same task that has not
 * returned yet. A return whose entry was lost is dropped. Takes time linear in the events but for
 * the depth of calls.
 */
export function kprobeCalls(events: readonly KprobeEvent[]): KprobeCall[] {
  const calls: Open['call'][] = [];
  const stacks = new Map<number, Open[]>();
  const returning = new Set(events.filter((event) => event.isReturn).map((event) => event.probe));
  for (const event of events) {
    const stack = stacks.get(event.pid) ?? [];
    stacks.set(event.pid, stack);
    if (event.isReturn) {
      const at = stack.findLastIndex((open) => open.call.probe === event.probe);
      const open = stack[at];
      if (open === undefined) continue;
      open.call.ret = event.ret;
      open.call.retText = event.retText;
      open.call.returnTimeUs = event.timeUs;
      // What was entered inside it and has not returned never will: its return was lost.
      stack.length = at;
      continue;
    }
    const { task, pid, probe, args, action, timeUs, line } = event;
    const call = {
      ...{ task, pid, probe, args, action, timeUs, line },
      ret: null,
      retText: null,
      order: calls.length,
      returnTimeUs: null,
      depth: stack.length,
    };
    calls.push(call);
    if (returning.has(probe)) stack.push({ call });
  }
  return calls;
}
