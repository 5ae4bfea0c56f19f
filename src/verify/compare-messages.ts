/** The kernel's lines against the lines that the emulated kernel printed, in order. */
import { diffArrays } from 'diff';
import { keyOf, observePrintk } from '../import/message-key.ts';
import type { Observation } from '../import/observation.ts';
import type { Emulation } from './emulate.ts';
import { linesByAction, SHUTDOWN } from './log-actions.ts';
import type { Tally } from './tally.ts';

/** A line with the key under which both sides meet. */
interface Line {
  readonly key: string;
  readonly text: string;
  /** When the log has it; null for a line of the emulated run. */
  readonly timeUs: number | null;
}

/** Buses whose drivers' registrations are compared. */
type IsModelled = (observation: Observation) => boolean;

/** Compares the lines of the boot and of each action; a line counts where either side has it. */
export function compareMessages(
  tally: Tally,
  dmesg: string,
  emulation: Emulation,
  isModelled: IsModelled,
): void {
  const real = realSegments(dmesg, isModelled);
  const mine = emulatedSegments(emulation, isModelled);
  for (const n of new Set([...real.keys(), ...mine.keys()]))
    compareSegment(tally, n, real.get(n) ?? [], mine.get(n) ?? []);
}

/** All lines of the log that have a key, by the last action begun before them; 0 is the boot. */
export function linesOfLog(dmesg: string): ReadonlyMap<number, readonly Line[]> {
  return realSegments(dmesg, () => true);
}

function lineOf(
  observation: Observation | null,
  { text, timeUs }: { readonly text: string; readonly timeUs: number | null },
  isModelled: IsModelled,
): Line | null {
  if (observation === null || !isModelled(observation)) return null;
  const key = keyOf(observation);
  return key === null ? null : { key, text, timeUs };
}

/** Lines of the log by the last action begun before them; 0 is the boot. */
function realSegments(dmesg: string, isModelled: IsModelled): Map<number, Line[]> {
  const segments = new Map<number, Line[]>();
  const elsewhere = new Set<string>();
  for (const { action, record, observation } of linesByAction(dmesg)) {
    const line = lineOf(observation, record, isModelled);
    if (isProbedElsewhere(elsewhere, observation, line)) continue;
    if (line !== null) append(segments, action, line);
    else if (observation?.kind === 'device.bus_added')
      takeBackAddition(segments.get(action) ?? [], observation);
  }
  return segments;
}

/**
 * Is the line about a probe on a bus that the model does not have, of a device that bears the name
 * of one that it has? Such a probe begins with the match, which names the bus, and ends when it
 * returns. `elsewhere` holds the devices of such probes.
 */
function isProbedElsewhere(
  elsewhere: Set<string>,
  observation: Observation | null,
  line: Line | null,
): boolean {
  const dev = observation?.dev ?? null;
  if (observation === null || dev === null) return false;
  if (observation.kind === 'probe.matched') {
    if (line === null) elsewhere.add(dev);
    else elsewhere.delete(dev);
  }
  const is = elsewhere.has(dev);
  if (observation.kind === 'probe.returned') elsewhere.delete(dev);
  return is;
}

/**
 * A device that turns out to be on a bus that the model does not have: its ACPI companion bears the
 * name of the platform device. The line of its device_add, right before, is not compared either.
 */
function takeBackAddition(lines: Line[], { dev, fields }: Observation): void {
  const name = dev ?? fields['dev'] ?? '';
  if (lines.at(-1)?.text.endsWith(`device: '${name}': device_add`) === true) lines.pop();
}

function emulatedSegments(emulation: Emulation, isModelled: IsModelled): Map<number, Line[]> {
  const segments = new Map<number, Line[]>();
  const { starts, run } = emulation;
  let segment = 0;
  for (const [i, { event }] of run.scheduler.events.entries()) {
    while (i >= (starts[segment + 1]?.event ?? Number.POSITIVE_INFINITY)) segment += 1;
    if (event.type !== 'printk') continue;
    const line = lineOf(observePrintk(event), { text: event.text, timeUs: null }, isModelled);
    if (line !== null) append(segments, starts[segment]?.n ?? 0, line);
  }
  return segments;
}

function append(segments: Map<number, Line[]>, n: number, line: Line): void {
  const list = segments.get(n);
  if (list === undefined) segments.set(n, [line]);
  else list.push(line);
}

function compareSegment(
  tally: Tally,
  n: number,
  real: readonly Line[],
  mine: readonly Line[],
): void {
  const at = n === 0 ? 'boot' : n === SHUTDOWN ? 'shutdown' : `action ${n}`;
  const changes = diffArrays([...real], [...mine], { comparator: (a, b) => a.key === b.key });
  for (const { value, added, removed } of changes) {
    if (!added && !removed) tally.agree('message', value.length);
    for (const { key, text } of added || removed ? value : []) {
      const subject = key.split(' ')[0] ?? '';
      tally.compare('message', at, subject, removed ? text : null, removed ? null : text);
    }
  }
}
