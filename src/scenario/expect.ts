/** Expectations of a scenario: from places, and back to YAML. */

import type { DmaResult, FaultReason } from '../events/dma-events.ts';
import { errnoName } from '../events/errno.ts';
import type { DomainType } from '../events/terms.ts';
import { findInvariant, INVARIANTS } from '../invariants/all.ts';
import {
  entriesOf,
  type Fields,
  fieldsOf,
  flagAt,
  integerOf,
  nameOf,
  oneOf,
  quote,
  retOf,
  wordOf,
} from './decode.ts';
import { nearest } from './nearest.ts';
import { field, map, maybe, plain, type Yaml } from './print-yaml.ts';
import type { Expectation } from './scenario.ts';
import { type Documented, documentShapes, readShape, type Shape } from './shape.ts';
import { fail, type Place } from './yaml-source.ts';

type Kind = Expectation['kind'];
type Expected<K extends Kind> = Extract<Expectation, { kind: K }>;

const DOMAINS: readonly DomainType[] = [
  'DMA',
  'DMA-FQ',
  'identity',
  'identity-pasid',
  'blocked',
  'unmanaged',
];
const RESULTS: readonly DmaResult[] = ['bypassed', 'translated', 'faulted'];
const REASONS: readonly FaultReason[] = ['stream', 'entry', 'translation', 'permission'];
/** What `is` says for nothing: no driver, no group, no domain. */
const NONE = 'none';
const ALL = 'all';

interface Form<E> extends Shape {
  readonly read: (fields: Fields) => E;
  readonly print: (expectation: E) => Yaml;
}

const OF_DEVICE = { fields: { dev: 'needed', is: 'needed', after: 'optional' } } as const;
const OF_GROUP = { fields: { group: 'needed', is: 'needed', after: 'optional' } } as const;

/** Every expectation, in the order in which they are documented. */
const FORMS: { readonly [K in Kind]: Form<Expected<K>> } = {
  violation: {
    doc: 'the invariant is violated, for the subject or for any',
    text: 'invariant',
    fields: { invariant: 'needed', subject: 'optional' },
    read: (fields) => {
      const subject = fields.get('subject');
      return {
        kind: 'violation',
        invariant: invariantOf(fields.need('invariant'), []),
        subject: subject === undefined ? null : nameOf(subject),
      };
    },
    print: ({ invariant, subject }) =>
      subject === null
        ? plain(invariant)
        : map([field('invariant', invariant), field('subject', subject)]),
  },
  holds: {
    doc: `the invariant, or ${ALL} of them, holds all the time`,
    text: 'invariant',
    read: (fields) => {
      const word = invariantOf(fields.need('invariant'), [ALL]);
      return { kind: 'holds', invariant: word === ALL ? null : word };
    },
    print: ({ invariant }) => plain(invariant ?? ALL),
  },
  driver: {
    doc: `the driver that the device is bound to, or ${NONE}`,
    ...OF_DEVICE,
    read: (fields) => {
      const dev = nameOf(fields.need('dev'));
      return { kind: 'driver', dev, is: orNone(fields.need('is'), nameOf), after: afterOf(fields) };
    },
    print: ({ dev, is, after }) => printState(['dev', plain(dev)], plain(is ?? NONE), after),
  },
  group: {
    doc: `the number of the device's IOMMU group, or ${NONE}`,
    ...OF_DEVICE,
    read: (fields) => {
      const dev = nameOf(fields.need('dev'));
      const is = orNone(fields.need('is'), (group) => integerOf(group));
      return { kind: 'group', dev, is, after: afterOf(fields) };
    },
    print: ({ dev, is, after }) => printState(['dev', plain(dev)], `${is ?? NONE}`, after),
  },
  owner_cnt: {
    doc: 'how many DMA owners the group counts',
    ...OF_GROUP,
    read: (fields) => {
      const group = integerOf(fields.need('group'));
      const is = integerOf(fields.need('is'), Number.MIN_SAFE_INTEGER);
      return { kind: 'owner_cnt', group, is, after: afterOf(fields) };
    },
    print: ({ group, is, after }) => printState(['group', `${group}`], `${is}`, after),
  },
  domain: {
    doc: `the type of the group's default domain: ${DOMAINS.join(', ')}, or ${NONE}`,
    ...OF_GROUP,
    read: (fields) => {
      const group = integerOf(fields.need('group'));
      const is = orNone(fields.need('is'), (domain) => oneOf(domain, DOMAINS));
      return { kind: 'domain', group, is, after: afterOf(fields) };
    },
    print: ({ group, is, after }) => printState(['group', `${group}`], is ?? NONE, after),
  },
  deferred: {
    doc: 'whether the device is on the list of deferred probes: true or false',
    fields: { dev: 'needed', is: 'optional', after: 'optional' },
    read: (fields) => {
      const is = flagAt(fields.get('is'), true);
      return { kind: 'deferred', dev: nameOf(fields.need('dev')), is, after: afterOf(fields) };
    },
    print: ({ dev, is, after }) => printState(['dev', plain(dev)], `${is}`, after),
  },
  dma: {
    doc: `what became of the last transaction of the device: ${RESULTS.join(', ')}; of a fault why: ${REASONS.join(', ')}; and whether it snooped`,
    fields: {
      ...{ dev: 'needed', is: 'needed', why: 'optional' },
      ...{ snooped: 'optional', after: 'optional' },
    },
    read: (fields) => {
      const [why, snooped] = [fields.get('why'), fields.get('snooped')];
      return {
        kind: 'dma',
        dev: nameOf(fields.need('dev')),
        is: oneOf(fields.need('is'), RESULTS),
        ...(why === undefined ? {} : { why: oneOf(why, REASONS) }),
        ...(snooped === undefined ? {} : { snooped: flagAt(snooped, true) }),
        after: afterOf(fields),
      };
    },
    print: ({ dev, is, why, snooped, after }) =>
      map([
        ['dev', plain(dev)],
        ['is', is],
        maybe('why', why, plain),
        maybe('snooped', snooped, String),
        after === null ? null : ['after', `${after}`],
      ]),
  },
  returns: {
    doc: 'what the step, counted from 1, returns: a number or a name such as -EBUSY',
    fields: { step: 'needed', ret: 'needed' },
    read: (fields) => {
      const step = integerOf(fields.need('step'), 1);
      return { kind: 'returns', step, ret: retOf(fields.need('ret')) };
    },
    print: ({ step, ret }) =>
      map([
        ['step', `${step}`],
        ['ret', errnoName(ret)],
      ]),
  },
  answers: {
    doc: 'the value that the step, counted from 1, was given last, such as flags=0x3',
    fields: { step: 'needed', is: 'needed' },
    read: (fields) => {
      const step = integerOf(fields.need('step'), 1);
      return { kind: 'answers', step, is: nameOf(fields.need('is')) };
    },
    print: ({ step, is }) =>
      map([
        ['step', `${step}`],
        ['is', plain(is)],
      ]),
  },
  prints: {
    doc: 'a line of the kernel log contains the text',
    text: 'text',
    read: (fields) => ({ kind: 'prints', text: nameOf(fields.need('text')) }),
    print: ({ text }) => plain(text),
  },
  silent: {
    doc: 'no line of the kernel log contains the text',
    text: 'text',
    read: (fields) => ({ kind: 'silent', text: nameOf(fields.need('text')) }),
    print: ({ text }) => plain(text),
  },
};

/** Every expectation as it is written and what it says. */
export function documentExpectations(): readonly Documented[] {
  return documentShapes(FORMS);
}

const KINDS = Object.keys(FORMS).filter((key): key is Kind => Object.hasOwn(FORMS, key));

/** A map from one kind of expectation to what it says. `steps` is how many steps there are. */
export function readExpectation(place: Place, steps: number): Expectation {
  fieldsOf(place, KINDS);
  const [entry, second] = entriesOf(place);
  const kind = KINDS.find((one) => one === entry?.[0]);
  if (entry === undefined || kind === undefined) return fail(place, `${place.what} is empty.`);
  if (second !== undefined) {
    fail(second[2], `${place.what} has two words, ${entry[0]} and ${second[0]}.`);
  }
  const form = FORMS[kind];
  const expectation = form.read(readShape(entry[1], form));
  const at = stepOf(expectation);
  if (at === null || at <= steps) return expectation;
  return fail(entry[1], `There is no step ${at}: the scenario has ${steps}.`);
}

/** The step that an expectation is about, or null. */
function stepOf(expectation: Expectation): number | null {
  if ('after' in expectation) return expectation.after;
  return 'step' in expectation ? expectation.step : null;
}

/** The kind and what it says. */
export function printExpectation(expectation: Expectation): readonly [string, Yaml] {
  return [expectation.kind, printOne(expectation)];
}

function printOne<K extends Kind>(expectation: Expected<K> & { readonly kind: K }): Yaml {
  const form: Form<Expected<K>> = FORMS[expectation.kind];
  return form.print(expectation);
}

/** The step after which a state is looked at. */
function afterOf(fields: Fields): number | null {
  const after = fields.get('after');
  return after === undefined ? null : integerOf(after, 1);
}

/** An invariant's id or code, or one of `others`. */
function invariantOf(place: Place, others: readonly string[]): string {
  const word = nameOf(place);
  if (others.includes(word) || findInvariant(word) !== undefined) return word;
  const names = [...others, ...INVARIANTS.flatMap(({ id, code }) => [id, code])];
  const meant = nearest(word, names);
  const hint = meant === null ? INVARIANTS_HINT : `did you mean ${meant}?`;
  return fail(place, `There is no invariant ${quote(word)}.`, hint);
}

const INVARIANTS_HINT = '`reprobe list invariants` prints the names';

function printState(subject: readonly [string, string], is: string, after: number | null): Yaml {
  return map([subject, ['is', is], after === null ? null : ['after', `${after}`]]);
}

function orNone<T>(place: Place, read: (place: Place) => T): T | null {
  return wordOf(place) === NONE ? null : read(place);
}
