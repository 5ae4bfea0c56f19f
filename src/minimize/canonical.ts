/** Brings inputs nearer to the normal form, step by step, as long as the violation stays. */
import { canonicalJson } from '../events/canonical.ts';
import type { Hit } from './attempt.ts';
import { streamsOf, withNormalIds, withStreams } from './normal-ids.ts';
import { normalNames } from './normal-names.ts';
import { inOrder, ORDERED, type Ordered, ranksOf } from './order.ts';
import { type Names, renamed, renamedFrom, renamedSubject } from './rename.ts';
import { askFor, askForFirst, type Candidate, type Form, type Search } from './search.ts';
import type { Subject } from './subject.ts';

/**
 * Orders lists, then exchanges ids and names. What the violation depends on stays as it is: where a
 * list cannot be in the order of the normal form it gets the nearest one, and names that cannot all be
 * exchanged are exchanged one by one.
 */
export function* canonicalise(form: Form): Search<Form> {
  const { subject } = form;
  let { hit } = form;
  for (const list of ORDERED) hit = yield* ordered(hit, subject, list);
  hit = yield* withIds(hit, subject);
  hit = yield* withSmallStreams(hit, subject);
  return yield* withNames({ ...form, hit });
}

const isSorted = (ranks: readonly number[]): boolean => ranks.every((rank, i) => rank === i);

function* ordered(start: Hit, subject: Subject, list: Ordered): Search<Hit> {
  const ranks = ranksOf(start.draft, list, subject);
  if (isSorted(ranks)) return start;
  const order = ranks.map((_, rank) => ranks.indexOf(rank));
  const sorted = yield* askFor({ draft: inOrder(start.draft, list, order), subject });
  return sorted ?? (yield* reordered(start, subject, list));
}

/** Lists up to here are tried in every order, which is at most 23 runs. */
const ALL_ORDERS_MAX = 4;

/** The first order, by ranks, that has the violation; the present one is the last that is tried. */
function* reordered(start: Hit, subject: Subject, list: Ordered): Search<Hit> {
  const ranks = ranksOf(start.draft, list, subject);
  if (ranks.length > ALL_ORDERS_MAX) return yield* selected(start, subject, list);
  const present = ranks.join();
  const candidates: Candidate[] = [];
  for (const wanted of permutations(ranks.toSorted((a, b) => a - b))) {
    if (wanted.join() === present) break;
    const order = wanted.map((rank) => ranks.indexOf(rank));
    candidates.push({ draft: inOrder(start.draft, list, order), subject });
  }
  return (yield* askForFirst(candidates)) ?? start;
}

/** In lexicographic order, for items in order. */
function* permutations(items: readonly number[]): Generator<readonly number[]> {
  if (items.length === 0) yield [];
  for (const first of items)
    for (const rest of permutations(items.filter((one) => one !== first))) yield [first, ...rest];
}

/** At each place the first, by rank, that can be moved there from behind it. */
function* selected(start: Hit, subject: Subject, list: Ordered): Search<Hit> {
  let best = start;
  for (let at = 0; at < ranksOf(best.draft, list, subject).length; at += 1) {
    const ranks = ranksOf(best.draft, list, subject);
    const earlier = ranks.slice(at + 1).filter((rank) => rank < (ranks[at] ?? 0));
    const candidates = earlier
      .sort((a, b) => a - b)
      .map((rank) => {
        const from = ranks.indexOf(rank);
        const rest = ranks.map((_, i) => i).filter((i) => i !== from);
        return { draft: inOrder(best.draft, list, rest.toSpliced(at, 0, from)), subject };
      });
    if (candidates.length > 0) best = (yield* askForFirst(candidates)) ?? best;
  }
  return best;
}

function* withIds(hit: Hit, subject: Subject): Search<Hit> {
  const machine = withNormalIds(hit.draft.machine);
  if (canonicalJson(machine) === canonicalJson(hit.draft.machine)) return hit;
  return (yield* askFor({ draft: { ...hit.draft, machine }, subject })) ?? hit;
}

/** The ids of streams are numbered from 0 on, all at once or else those that can be. */
function* withSmallStreams(start: Hit, subject: Subject): Search<Hit> {
  const ids = streamsOf(start.draft.machine);
  if (ids.every((id, n) => id === n)) return start;
  const all = new Map(ids.map((id, n) => [id, n]));
  const numbered = yield* askFor(streamed(start, subject, all));
  if (numbered !== null) return numbered;
  let best = start;
  for (const [id, n] of all) {
    if (id === n || streamsOf(best.draft.machine).includes(n)) continue;
    best = (yield* askFor(streamed(best, subject, new Map([[id, n]])))) ?? best;
  }
  return best;
}

function streamed(
  { draft }: Hit,
  subject: Subject,
  numbers: ReadonlyMap<number, number>,
): Candidate {
  return { draft: { ...draft, machine: withStreams(draft.machine, numbers) }, subject };
}

const NAMED = ['device', 'driver', 'module'] as const;
const NONE: Names = { device: new Map(), driver: new Map(), module: new Map(), bus: new Map() };

/** All names at once, else those of one kind, else one at a time. */
function* withNames(form: Form): Search<Form> {
  const all = yield* tryNames(form, normalNames(form.hit.draft.machine));
  if (all !== null) return all;
  let best = form;
  for (const kind of NAMED) {
    const { device, bus, ...others } = normalNames(best.hit.draft.machine);
    const names: Names =
      kind === 'device' ? { ...NONE, device, bus } : { ...NONE, [kind]: others[kind] };
    const kinds = yield* tryNames(best, names);
    best = kinds ?? (yield* withEachName(best, names, kind));
  }
  return best;
}

function* withEachName(start: Form, names: Names, kind: (typeof NAMED)[number]): Search<Form> {
  let best = start;
  for (const [old, name] of names[kind]) {
    const isTaken = [...names[kind].keys()].includes(name);
    if (isTaken) continue;
    best = (yield* tryNames(best, { ...NONE, [kind]: new Map([[old, name]]) })) ?? best;
  }
  return best;
}

/** Null where the violation is gone; the form itself where the names are what they should be. */
function* tryNames(form: Form, names: Names): Search<Form | null> {
  const isNew = NAMED.some((kind) => [...names[kind]].some(([old, name]) => old !== name));
  if (!isNew) return form;
  const { hit } = form;
  const draft = renamed(hit.draft, hit.inputs.choices, names);
  if (draft === null) return null;
  const candidate: Candidate = { draft, subject: renamedSubject(form.subject, names) };
  const found = yield* askFor(candidate);
  if (found === null) return null;
  return { hit: found, subject: candidate.subject, was: renamedFrom(form.was, names) };
}
