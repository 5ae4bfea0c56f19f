/** Events as lines of plain text, for people. */
import { LINES } from './describe-table.ts';
import type { EventOf, EventType, KernelEvent, Recorded } from './event.ts';

/** One line for an event: the subject first, then what happened. Control characters are escaped. */
export function describeEvent(event: KernelEvent): string {
  return oneLine(lineOf(event));
}

/** One sentence on what events of a type mean. */
export function documentEvent(type: EventType): string {
  return LINES[type].doc;
}

/** All event types, in the order of the vocabulary. */
export function eventTypes(): readonly EventType[] {
  // The table has exactly the keys of EventMap: its type says so.
  return Object.keys(LINES) as EventType[];
}

/** An event in its place: number, log time, task, innermost function, what happened, evidence. */
export function describeRecorded(recorded: Recorded, n: number): string {
  const { event, task, stack, timeUs } = recorded;
  const time = timeUs === null ? '' : ` [${formatTime(timeUs)}]`;
  const where = [taskName(task), stack.at(-1)].filter((part) => part !== undefined && part !== '');
  const by = where.length === 0 ? '' : ` (${oneLine(where.join(', '))})`;
  return `#${n}${time} ${describeEvent(event)}${by}${evidence(recorded)}`;
}

/** The name of a task as the kernel spells it; traces keep the one they have always had. */
export function taskName(task: string): string {
  return task === 'deferred_probe_work' ? 'deferred_probe_work_func' : task;
}

function lineOf<T extends EventType>(event: EventOf<T>): string {
  const entry: { readonly line: (event: EventOf<T>) => string } = LINES[event.type];
  return entry.line(event);
}

/** A run without a log has no evidence to speak of: then only what was assumed is marked. */
function evidence({ origin, line }: Recorded): string {
  if (origin === 'observed') return line === null ? ' (observed)' : ` (line ${line})`;
  if (line !== null) return ` (${origin} after line ${line})`;
  return origin === 'assumed' ? ' (assumed)' : '';
}

/** Seconds with six digits, as printk stamps them, without the padding. */
function formatTime(timeUs: number): string {
  const sign = timeUs < 0 ? '-' : '';
  const digits = String(Math.abs(timeUs)).padStart(7, '0');
  return `${sign}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    const code = character.charCodeAt(0);
    if (code > 0xff) return `\\u{${code.toString(16)}}`;
    return character === '\n' ? '\\n' : `\\x${code.toString(16).padStart(2, '0')}`;
  });
}
