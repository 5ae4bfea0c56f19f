/** Expectations of a scenario: from places, and back to YAML. */

import { errnoName } from '../events/errno.ts';
import type { DomainType } from '../events/event.ts';
import {
  entriesOf,
  type Fields,
  fieldsOf,
  flagAt,
  integerOf,
  isText,
  nameOf,
  oneOf,
  retOf,
  wordOf,
} from './decode.ts';
import { field, map, plain, type Yaml } from './print-yaml.ts';
import type { Expectation } from './scenario.ts';
import { fail, type Place } from './yaml-source.ts';

type Kind = Expectation['kind'];
type Expected<K extends Kind> = Extract<Expectation, { kind: K }>;

const DOMAINS: readonly DomainType[] = ['DMA', 'DMA-FQ', 'identity', 'blocked', 'unmanaged'];
/** What `is` says for nothing: no driver, no group, no domain. */
const NONE = 'none';
const ALL = 'all';

interface Form<E> {
  readonly read: (value: Place) => E;
  readonly print: (expectation: E) => Yaml;
}

const FORMS: { readonly [K in Kind]: Form<Expected<K>> } = {
  violation: {
    read: (value) => {
      if (isText(value)) return { kind: 'violation', invariant: nameOf(value), subject: null };
      const fields = fieldsOf(value, ['invariant', 'subject']);
      const subject = fields.get('subject');
      return {
        kind: 'violation',
        invariant: nameOf(fields.need('invariant')),
        subject: subject === undefined ? null : nameOf(subject),
      };
    },
    print: ({ invariant, subject }) =>
      subject === null
        ? plain(invariant)
        : map([field('invariant', invariant), field('subject', subject)]),
  },
  holds: {
    read: (value) => {
      const word = nameOf(value);
      return { kind: 'holds', invariant: word === ALL ? null : word };
    },
    print: ({ invariant }) => plain(invariant ?? ALL),
  },
  driver: {
    read: (value) => {
      const { fields, after } = readState(value, 'dev');
      const dev = nameOf(fields.need('dev'));
      return { kind: 'driver', dev, is: orNone(fields.need('is'), nameOf), after };
    },
    print: ({ dev, is, after }) => printState(['dev', plain(dev)], plain(is ?? NONE), after),
  },
  group: {
    read: (value) => {
      const { fields, after } = readState(value, 'dev');
      const dev = nameOf(fields.need('dev'));
      const is = orNone(fields.need('is'), (group) => integerOf(group));
      return { kind: 'group', dev, is, after };
    },
    print: ({ dev, is, after }) => printState(['dev', plain(dev)], `${is ?? NONE}`, after),
  },
  owner_cnt: {
    read: (value) => {
      const { fields, after } = readState(value, 'group');
      const group = integerOf(fields.need('group'));
      const is = integerOf(fields.need('is'), Number.MIN_SAFE_INTEGER);
      return { kind: 'owner_cnt', group, is, after };
    },
    print: ({ group, is, after }) => printState(['group', `${group}`], `${is}`, after),
  },
  domain: {
    read: (value) => {
      const { fields, after } = readState(value, 'group');
      const group = integerOf(fields.need('group'));
      const is = orNone(fields.need('is'), (domain) => oneOf(domain, DOMAINS));
      return { kind: 'domain', group, is, after };
    },
    print: ({ group, is, after }) => printState(['group', `${group}`], is ?? NONE, after),
  },
  deferred: {
    read: (value) => {
      const { fields, after } = readState(value, 'dev');
      const is = flagAt(fields.get('is'), true);
      return { kind: 'deferred', dev: nameOf(fields.need('dev')), is, after };
    },
    print: ({ dev, is, after }) => printState(['dev', plain(dev)], `${is}`, after),
  },
  returns: {
    read: (value) => {
      const fields = fieldsOf(value, ['step', 'ret']);
      const step = integerOf(fields.need('step'), 1);
      return { kind: 'returns', step, ret: retOf(fields.need('ret')) };
    },
    print: ({ step, ret }) =>
      map([
        ['step', `${step}`],
        ['ret', errnoName(ret)],
      ]),
  },
  prints: {
    read: (value) => ({ kind: 'prints', text: nameOf(value) }),
    print: ({ text }) => plain(text),
  },
  silent: {
    read: (value) => ({ kind: 'silent', text: nameOf(value) }),
    print: ({ text }) => plain(text),
  },
};

const KINDS: readonly Kind[] = [
  'violation',
  'holds',
  'driver',
  'group',
  'owner_cnt',
  'domain',
  'deferred',
  'returns',
  'prints',
  'silent',
];

/** A map from one kind of expectation to what it says. `steps` is how many steps there are. */
export function readExpectation(place: Place, steps: number): Expectation {
  fieldsOf(place, KINDS);
  const [entry, second] = entriesOf(place);
  const kind = KINDS.find((one) => one === entry?.[0]);
  if (entry === undefined || kind === undefined) return fail(place, `${place.what} is empty.`);
  if (second !== undefined) {
    fail(second[2], `${place.what} has two words, ${entry[0]} and ${second[0]}.`);
  }
  const expectation = FORMS[kind].read(entry[1]);
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

/** The fields of an expectation of a state, which may be that after a step. */
function readState(value: Place, subject: string): { fields: Fields; after: number | null } {
  const fields = fieldsOf(value, [subject, 'is', 'after']);
  const after = fields.get('after');
  return { fields, after: after === undefined ? null : integerOf(after, 1) };
}

function printState(subject: readonly [string, string], is: string, after: number | null): Yaml {
  return map([subject, ['is', is], after === null ? null : ['after', `${after}`]]);
}

function orNone<T>(place: Place, read: (place: Place) => T): T | null {
  return wordOf(place) === NONE ? null : read(place);
}
