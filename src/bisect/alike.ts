/**
 * What caused an event, in words that are the same in another run: the stimulus by what it is and
 * not by its position, groups by the device that they were made for and not by their number.
 */
import { canonicalJson } from '../events/canonical.ts';
import type { EventType, Recorded } from '../events/event.ts';
import { type Concurrent, type Single, type Stimulus, singlesOf } from '../events/stimulus.ts';

/** What one stimulus did until nothing moved any more. */
export interface Window {
  /** Null for what came before the first. */
  readonly stimulus: Stimulus | null;
  /** The task it started, without what tells several apart; '' for none. */
  readonly task: string;
  /** Numbers of its events: from `start` to before `end`. */
  readonly start: number;
  readonly end: number;
}

/** A task of several that a stimulus starts at once: `sh-5.1`. */
const AT_ONCE = /^(.*-\d+)\.\d+$/;

/**
 * The stimuli of a run, each with its events, in their order. What comes meanwhile is a task in the
 * window of what it comes in.
 *
 * Cost: one pass.
 */
export function windowsOf(events: readonly Recorded[]): readonly Window[] {
  const starts: { stimuli: Single[]; task: string; start: number }[] = [];
  for (const [start, { event, task }] of events.entries()) {
    if (event.type !== 'task.started' || event.stimulus.do === 'meanwhile') continue;
    const name = AT_ONCE.exec(task)?.[1] ?? task;
    const last = starts.at(-1);
    if (last?.task === name && name !== task) last.stimuli.push(...singlesOf(event.stimulus));
    else starts.push({ stimuli: [...singlesOf(event.stimulus)], task: name, start });
  }
  const first = starts[0]?.start ?? events.length;
  const before = first === 0 ? [] : [{ stimulus: null, task: '', start: 0, end: first }];
  return [
    ...before,
    ...starts.map(({ stimuli, task, start }, i) => ({
      stimulus: stimulusOf(stimuli),
      ...{ task, start, end: starts[i + 1]?.start ?? events.length },
    })),
  ];
}

function stimulusOf(stimuli: readonly Single[]): Stimulus {
  const [only, second] = stimuli;
  return only !== undefined && second === undefined
    ? only
    : { do: 'together', steps: concurrent(stimuli) };
}

/** A boot is never one of several. */
function concurrent(stimuli: readonly Single[]): readonly Concurrent[] {
  return stimuli.flatMap((one) => (one.do === 'boot' ? [] : [one]));
}

/** Names of things in one run to names that another run has for them too. */
export interface Naming {
  /** The number of a stimulus, as tasks are named after it, to what it shares with the other run's. */
  readonly stimuli: ReadonlyMap<string, string>;
  /** `labels[i]` says what the groups are called when event i happens; the same object until it changes. */
  readonly groups: readonly ReadonlyMap<string, string>[];
}

/** What the groups of a run are called at each event: after the first device that joins. Cost: one pass. */
export function groupNames(events: readonly Recorded[]): Naming['groups'] {
  const names: ReadonlyMap<string, string>[] = [];
  const firstOf = firstMembers(events);
  let now: ReadonlyMap<string, string> = new Map();
  for (const [i, { event }] of events.entries()) {
    if (event.type === 'group.allocated')
      now = new Map(now).set(String(event.group), `of ${firstOf.get(i) ?? 'nobody'}`);
    names.push(now);
  }
  return names;
}

/** The event that allocated a group to the device that joined it first. */
function firstMembers(events: readonly Recorded[]): ReadonlyMap<number, string> {
  const first = new Map<number, string>();
  const waiting = new Map<number, number>();
  for (const [i, { event }] of events.entries()) {
    if (event.type === 'group.allocated') waiting.set(event.group, i);
    if (event.type !== 'group.joined') continue;
    const made = waiting.get(event.group);
    if (made !== undefined) first.set(made, event.dev);
    waiting.delete(event.group);
  }
  return first;
}

/** Where a payload or a sentence names a group: `"group":3`, `"group":"3"`, `iommu group 3`. */
const GROUP = /("(?:iommu_)?group":"?|\bgroup )(\d+)\b/g;
/** A task that is named after its stimulus' number: `sh-5`, `sh-5.1` at once, `sh-5+1` meanwhile. */
const NUMBERED = /\b((?:modprobe|insmod|rmmod|vfio-user|kworker|dma|sh)-)(\d+)\b/g;

/** What users of VFIO and of modules are called after their tasks. */
const NAMES_TASK: ReadonlySet<EventType> = new Set<EventType>([
  ...(['vfio.group_opened', 'vfio.container_set', 'vfio.iommu_set', 'vfio.dma_mapped'] as const),
  ...(['vfio.device_opened', 'module.got', 'module.put', 'task.blocked'] as const),
  ...(['iommu.mapped', 'iommu.unmapped', 'iommu.map_unseen', 'owner.claimed'] as const),
  ...(['owner.device_claimed'] as const),
]);

/** The name of a task, or a text with such names in it, as the other run may have it. */
export function taskAlike(text: string, { stimuli }: Naming): string {
  return text.replace(NUMBERED, (all, word: string, n: string) => {
    const name = stimuli.get(n);
    return name === undefined ? all : word + name;
  });
}

/** The payload of event `i`, the same text where another run has the same fact. */
export function factOf({ event }: Recorded, i: number, naming: Naming): string {
  if (event.type === 'task.started') return stimulusKey(event.stimulus);
  const names = naming.groups[i];
  const json = canonicalJson(event);
  // Most facts name neither.
  const fact = !json.includes('group')
    ? json
    : json.replace(GROUP, (all, before: string, group: string) => {
        const name = names?.get(group);
        return name === undefined ? all : before + name;
      });
  return NAMES_TASK.has(event.type) ? taskAlike(fact, naming) : fact;
}

/** A stimulus as the other run may have it; group numbers count as they were typed. */
export function stimulusKey(stimulus: Stimulus | null): string {
  return stimulus === null ? '' : canonicalJson(stimulus);
}

/** Tells quickly that two events are alike; false also where only a closer look can tell. */
export function createGlance(a: Naming, b: Naming): Glance {
  const isNumberedAlike = isSameMap(a.stimuli, b.stimuli);
  const known = new WeakMap<object, WeakMap<object, boolean>>();
  const areGroupsAlike = (i: number, j: number): boolean => {
    const [inA, inB] = [a.groups[i], b.groups[j]];
    if (inA === undefined || inB === undefined) return false;
    const answers = known.get(inA) ?? new WeakMap<object, boolean>();
    known.set(inA, answers);
    const answer = answers.get(inB) ?? isSameMap(inA, inB);
    answers.set(inB, answer);
    return answer;
  };
  return (one, i, other, j) => {
    if (one.event.type !== other.event.type || !areGroupsAlike(i, j)) return false;
    if (!isNumberedAlike && NAMES_TASK.has(one.event.type)) return false;
    const isSameStack = one.stack === other.stack || one.stack.join('>') === other.stack.join('>');
    if (!isSameStack) return false;
    return one.event === other.event || JSON.stringify(one.event) === JSON.stringify(other.event);
  };
}

export type Glance = (one: Recorded, i: number, other: Recorded, j: number) => boolean;

function isSameMap(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}
