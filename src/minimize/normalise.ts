/** Brings inputs nearer to the normal form, step by step, as long as the violation stays. */
import { canonicalJson } from '../events/canonical.ts';
import type { Hit } from './attempt.ts';
import { withNormalIds } from './normal-ids.ts';
import { normalNames } from './normal-names.ts';
import { inOrder, ORDERED, type Ordered, ranksOf } from './order.ts';
import { type Names, renamed, renamedSubject } from './rename.ts';
import type { Candidate, Form, Search } from './search.ts';
import type { Subject } from './subject.ts';

/**
 * Orders lists, then exchanges ids and names. What the violation depends on stays as it is: an order
 * that cannot be had at once is approached by swaps of neighbours, and names that cannot all be
 * exchanged are exchanged one by one.
 */
export function* normalise(form: Form): Search<Form> {
  let { hit, subject } = form;
  for (const list of ORDERED) hit = yield* ordered(hit, subject, list);
  hit = yield* withIds(hit, subject);
  ({ hit, subject } = yield* withNames({ hit, subject }));
  return { hit, subject };
}

const isSorted = (ranks: readonly number[]): boolean => ranks.every((rank, i) => rank === i);

function* ordered(start: Hit, subject: Subject, list: Ordered): Search<Hit> {
  const ranks = ranksOf(start.draft, list);
  if (isSorted(ranks)) return start;
  const order = ranks.map((_, rank) => ranks.indexOf(rank));
  const sorted = yield [{ draft: inOrder(start.draft, list, order), subject }];
  return sorted ?? (yield* swapped(start, subject, list));
}

/** Swaps neighbours that stand the wrong way round until no swap is possible. */
function* swapped(start: Hit, subject: Subject, list: Ordered): Search<Hit> {
  let best = start;
  for (let before: Hit | null = null; before !== best; ) {
    before = best;
    for (let at = 0; at + 1 < ranksOf(best.draft, list).length; at += 1) {
      const ranks = ranksOf(best.draft, list);
      if ((ranks[at] ?? 0) < (ranks[at + 1] ?? 0)) continue;
      const order = ranks.map((_, i) => (i === at ? at + 1 : i === at + 1 ? at : i));
      best = (yield [{ draft: inOrder(best.draft, list, order), subject }]) ?? best;
    }
  }
  return best;
}

function* withIds(hit: Hit, subject: Subject): Search<Hit> {
  const machine = withNormalIds(hit.draft.machine);
  if (canonicalJson(machine) === canonicalJson(hit.draft.machine)) return hit;
  return (yield [{ draft: { ...hit.draft, machine }, subject }]) ?? hit;
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
  const found: Hit | null = yield [candidate];
  return found === null ? null : { hit: found, subject: candidate.subject };
}
