/** The search for smaller inputs: what is asked, in which order; who answers is not known here. */
import type { Hit } from './attempt.ts';
import { canonicalise } from './canonical.ts';
import { cones } from './cone.ts';
import type { Draft } from './draft.ts';
import { lifted } from './lift.ts';
import { allParts, coarseParts, type Part } from './part.ts';
import { type Answer, askForFirst, type Candidate, type Form, type Search } from './search.ts';
import type { Subject } from './subject.ts';
import { without } from './without.ts';

/** Above what it takes; a bound all the same, as two normal forms might take turns. */
const ROUNDS_MAX = 8;

/**
 * Goes on while anything that it knows makes the inputs smaller or more normal; with `keepNames` only
 * smaller, so that what is left is as it was.
 */
export function* reduce(first: Hit, subject: Subject, keepNames = false): Search<Form> {
  const was = { device: new Map(), driver: new Map(), module: new Map() };
  let form: Form = { hit: first, subject, was };
  form = { ...form, hit: yield* toCone(form) };
  form = { ...form, hit: yield* sweep(form, coarseParts) };
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const before: Hit = form.hit;
    // A group is told anew by whom the bad event finds in it now.
    form = { ...form, subject: before.subject ?? form.subject };
    if (!keepNames) form = yield* canonicalise(yield* lifted(form));
    form = { ...form, hit: yield* sweepAll(form) };
    if (form.hit === before) break;
  }
  return form;
}

function* sweepAll(form: Form): Search<Hit> {
  let best = form.hit;
  for (let before: Hit | null = null; before !== best; ) {
    before = best;
    best = yield* sweep({ ...form, hit: best }, allParts);
  }
  return best;
}

/** Leaves out all that has nothing to do with the subject. */
function* toCone({ hit, subject }: Form): Search<Hit> {
  const { draft } = hit;
  const near = devicesOf(hit, subject);
  if (near.length === 0) return hit;
  const candidates = cones(draft, near).flatMap((parts) => {
    const less = without(draft, parts);
    return less === null ? [] : [{ draft: less, subject }];
  });
  return (yield* askForFirst(candidates)) ?? hit;
}

/** The devices that the subject stands for: of a bus or a function of the kernel, those in trouble. */
function devicesOf({ violation }: Hit, { kind, names }: Subject): readonly string[] {
  if (kind === 'device' || kind === 'group') return names;
  return violation?.message.split(/[\s,;]+/) ?? [];
}

/** Positions of parts: the first, and the one behind the last. */
type Stretch = readonly [from: number, to: number];

/**
 * Goes once through the parts and leaves out what can be left out, as one would one by one; what can
 * go is mostly long stretches, whose ends are looked for with steps that double and halve.
 */
function* sweep(form: Form, partsOf: (draft: Draft) => readonly Part[]): Search<Hit> {
  const { subject } = form;
  let best = form.hit;
  let next: Stretch = [0, 1];
  for (;;) {
    const { draft } = best;
    const tried: Stretch[] = [];
    const answer: Answer | null = yield candidates(draft, partsOf(draft), next, subject, tried);
    const [from, to] = tried[answer?.index ?? -1] ?? next;
    if (answer === null) return best;
    best = answer.hit;
    next = [from, from + 2 * (to - from)];
  }
}

/** What is tried one after the other while nothing can be left out; `tried` says which that was. */
function* candidates(
  draft: Draft,
  parts: readonly Part[],
  first: Stretch,
  subject: Subject,
  tried: Stretch[],
): Generator<Candidate> {
  for (let [from, to] = first; from < parts.length; ) {
    const end = Math.min(to, parts.length);
    const less = without(draft, parts.slice(from, end));
    if (less !== null) {
      tried.push([from, end]);
      yield { draft: less, subject };
    }
    [from, to] = end - from > 1 ? [from, from + ((end - from) >> 1)] : [from + 1, from + 2];
  }
}
