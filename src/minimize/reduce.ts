/** The search for smaller inputs: what is asked, in which order; who answers is not known here. */
import type { Hit } from './attempt.ts';
import { cones } from './cone.ts';
import type { Draft } from './draft.ts';
import { normalise } from './normalise.ts';
import { allParts, coarseParts, type Part } from './part.ts';
import type { Form, Search } from './search.ts';
import type { Subject } from './subject.ts';
import { without } from './without.ts';

/** Above what it takes; a bound all the same, as two normal forms might take turns. */
const ROUNDS_MAX = 8;

/**
 * Goes on while anything that it knows makes the inputs smaller or more normal; with `keepNames` only
 * smaller, so that what is left is as it was.
 */
export function* reduce(first: Hit, keepNames = false): Search<Hit> {
  let form: Form = { hit: first, subject: first.subject };
  form = { ...form, hit: yield* toCone(form) };
  form = { ...form, hit: yield* sweep(form, coarseParts) };
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const before: Hit = form.hit;
    if (!keepNames) form = yield* normalise(form);
    form = { ...form, hit: yield* sweepAll(form) };
    if (form.hit === before) break;
  }
  return form.hit;
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
  const candidates = cones(draft, near).flatMap((parts) => {
    const less = without(draft, parts);
    return less === null ? [] : [{ draft: less, subject }];
  });
  return (yield candidates) ?? hit;
}

/** The devices that the subject stands for: of a bus or a function of the kernel, those in trouble. */
function devicesOf({ violation }: Hit, { kind, names }: Subject): readonly string[] {
  if (kind === 'device' || kind === 'group') return names;
  return violation.message.split(/[\s,;]+/);
}

/**
 * Goes once through the parts and leaves out what can be left out, as one would one by one; what can
 * go is mostly long stretches, whose ends are looked for with steps that double and halve.
 */
function* sweep(form: Form, partsOf: (draft: Draft) => readonly Part[]): Search<Hit> {
  const { subject } = form;
  let best = form.hit;
  let parts = partsOf(best.draft);
  let at = 0;
  let size = 1;
  while (at < parts.length) {
    const end = Math.min(parts.length, at + size);
    const draft = without(best.draft, parts.slice(at, end));
    const hit: Hit | null = draft === null ? null : yield [{ draft, subject }];
    if (hit !== null) {
      best = hit;
      parts = partsOf(best.draft);
      size *= 2;
    } else if (end - at > 1) size = (end - at) >> 1;
    else {
      at += 1;
      size = 1;
    }
  }
  return best;
}
