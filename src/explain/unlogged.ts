/** Which unlogged actions of users a replay's divergences suggest, and at which places of the log. */
import type { Recorded } from '../events/event.ts';
import type { Concurrent, Stimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import { parseAction } from '../import/action.ts';
import type { Divergence } from '../import/guide.ts';
import type { Imported } from '../import/import.ts';
import { observePrintk } from '../import/message-key.ts';
import type { Observation } from '../import/observation.ts';
import { shownLine } from '../import/record.ts';
import type { UnloggedActions } from './assumption.ts';
import { type Clue, createScene, doingsFor, type Scene } from './unlogged-doings.ts';

/** How many divergences are asked about, the first of each sort, and at how many failures of actions. */
const CLUES = 4;
const FAILURES = 3;
const MOST = 64;

/** An action that the log shows. */
interface Done {
  readonly at: Observation;
  readonly stimulus: Stimulus;
}

/**
 * Each with a place: where the divergence is, before the logged action that came last before it, and
 * before earlier ones that fail in the run and are about the same devices. Those that do least come
 * first, and of these those next to the divergence; 64 at most.
 *
 * Cost: linear in the trace and the log for each of four divergences.
 */
export function unloggedFor(imported: Imported): readonly UnloggedActions[] {
  const { trace, observations } = imported;
  if (imported.divergences.length === 0) return [];
  const done = observations.flatMap((at): readonly Done[] => {
    const command = at.kind === 'user.action' ? at.fields['command'] : undefined;
    return command === undefined ? [] : [{ at, stimulus: parseAction(command) }];
  });
  const failed = failuresIn(trace);
  const lists = cluesIn(imported).map(({ clue, event }) => {
    const last = done.filter(({ at }) => at.record.line <= clue.at.record.line).at(-1) ?? null;
    const before = last === null ? [] : done.slice(0, done.indexOf(last));
    const scene = createScene(
      trace,
      event,
      done.map(({ stimulus }) => stimulus),
    );
    const doings = doingsFor(clue, last?.stimulus ?? null, scene);
    const failures = before
      .filter((one) => failed.has(shownLine(one.at.record)) && isAbout(one, clue, last, scene))
      .slice(-FAILURES)
      .reverse();
    const places = [clue.at, ...(last === null ? [] : [last.at]), ...failures.map(({ at }) => at)];
    return doings.flatMap((stimuli) => places.map((place) => placed(place, stimuli)));
  });
  return distinct(inTurn(lists)).sort(byEffort).slice(0, MOST);
}

const byEffort = (a: UnloggedActions, b: UnloggedActions): number =>
  a.stimuli.length - b.stimuli.length;

const placed = ({ record }: Observation, stimuli: readonly Concurrent[]): UnloggedActions => ({
  kind: 'action',
  before: record.line,
  line: shownLine(record),
  stimuli,
});

/** Is the action about a device that the divergence, or the action that led to it, is about? */
function isAbout({ stimulus }: Done, { seen }: Clue, last: Done | null, scene: Scene): boolean {
  const asked = new Set([
    ...(seen.dev === null ? [] : [seen.dev]),
    ...(last === null ? [] : scene.devicesOf(last.stimulus)),
  ]);
  return scene.devicesOf(stimulus).some((dev) => asked.has(dev));
}

/** The first divergences from the log, one of each sort, and the event up to which the run had come. */
function cluesIn({ trace, divergences, observations }: Imported) {
  const byLine = new Map<number, Observation>();
  for (const one of observations) byLine.set(shownLine(one.record), one);
  const byText = new Map(observations.map((one) => [textKey(shownLine(one.record), one), one]));
  const found = new Map<string, { readonly clue: Clue; readonly event: number }>();
  for (const one of divergences) {
    if (found.size === CLUES) break;
    const clue = one.evidence === undefined ? clueOf(one, trace.events, byLine, byText) : null;
    if (clue === null) continue;
    const key = `${clue.isMissing} ${clue.seen.kind} ${clue.seen.dev}`;
    if (!found.has(key)) found.set(key, { clue, event: one.event });
  }
  return [...found.values()];
}

const textKey = (line: number, { record }: Observation): string => `${line} ${record.text}`;

function clueOf(
  { line, observed, event }: Divergence,
  events: readonly Recorded[],
  byLine: ReadonlyMap<number, Observation>,
  byText: ReadonlyMap<string, Observation>,
): Clue | null {
  const logged = byText.get(`${line} ${observed}`);
  if (logged !== undefined) return { seen: logged, at: logged, isMissing: true };
  const printed = events[event]?.event;
  const at = byLine.get(line);
  if (printed?.type !== 'printk' || at === undefined) return null;
  const seen = observePrintk(printed);
  return seen === null ? null : { seen, at, isMissing: false };
}

/** The lines of actions that fail in the run, or of which a call does. */
function failuresIn({ events }: Trace): ReadonlySet<number> {
  const lines = new Map<string, number | null>();
  const failed = new Set<number>();
  for (const { event, task, line } of events) {
    if (event.type === 'task.started') lines.set(task, line);
    if (event.type !== 'syscall.returned' && event.type !== 'task.finished') continue;
    if (event.ret >= 0) continue;
    const started = lines.get(task) ?? null;
    if (started !== null) failed.add(started);
  }
  return failed;
}

/** One of each list in turn: no divergence's suggestions crowd out another's. */
function inTurn<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) =>
    lists.flatMap((list) => list.slice(i, i + 1)),
  ).flat();
}

function distinct(all: readonly UnloggedActions[]): UnloggedActions[] {
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}
