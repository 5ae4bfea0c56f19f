import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanStates } from '../../src/bisect/scan.ts';
import { documentWhen, parseWhen } from '../../src/bisect/when.ts';
import { createHistory, stateAfter } from '../../src/engine/history.ts';
import { ReprobeError } from '../../src/error.ts';
import type { Recorded } from '../../src/events/event.ts';
import { tableOf } from '../../src/events/table.ts';
import { reduce } from '../../src/model/state/reduce.ts';
import { initialState, type State } from '../../src/model/state/state.ts';
import { HOSTILE_NAMES } from '../events/arbitrary.ts';
import { aRun, leakyTrace, NIC, traceOf } from '../model/small-machine.ts';

const trace = leakyTrace();
const parse = (text: string) => parseWhen(text, { file: '--when' });
const START = { state: initialState(), n: -1, recorded: null, stimulus: null };

/** The error of an expression, when it is read or when it is asked of every state. */
function errorOf(text: string): ReprobeError {
  try {
    scanStates(trace, parse(text));
  } catch (error) {
    if (error instanceof ReprobeError) return error;
    throw error;
  }
  throw new Error(`${text} is fine`);
}

function folded(state: State, { event }: Recorded): State {
  reduce(state, event);
  return state;
}

/** The expressions for all that is in a value. */
function pathsOf(at: string, value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [at];
  const isList = Array.isArray(value);
  return [
    at,
    ...Object.entries(value).flatMap(([key, one]) =>
      pathsOf(`${at}[${isList ? key : JSON.stringify(key)}]`, one),
    ),
  ];
}

describe('an expression', () => {
  it.each([
    ['groups["1"].owner_cnt > 1', 'owner.used'],
    ['groups["1"].owner_cnt % 2 == 1 && groups["1"].owner_cnt + 1 > 1', 'owner.used'],
    [`devices["${NIC}"].driver == "vfio-pci"`, 'probe.started'],
    ['devices.exists(d, devices[d].driver == "vfio-pci" && devices[d].bound)', 'driver.bound'],
    ['vfio.groups["1"].opened_by != null', 'vfio.group_opened'],
    ['event.type == "device.unbind_cleanup"', 'device.unbind_cleanup'],
    ['stimulus.do == "unbind"', 'task.started'],
    ['size(groups) > 1 && has(groups.x) == false', 'group.allocated'],
    ['acs_requested', 'pci.acs_requested'],
  ])('%s turns true with %s', (text, type) => {
    const found = scanStates(trace, parse(text));
    expect(found.kind).toBe('found');
    if (found.kind === 'found') expect(trace.events[found.event]?.event.type).toBe(type);
  });

  it('says nothing that is true of what is not there', () => {
    for (const text of ['groups["45"].owner_cnt == 0', '!(groups["45"].owner_cnt > 0)'])
      expect(parse(text)(START)).toBe(false);
    expect(parse('!("45" in groups)')(START)).toBe(true);
  });

  it('tells whether there ever was what it is about', () => {
    for (const [text, wasThere] of [
      ['groups["1"].owner_cnt > 99', true],
      ['groups["450"].owner_cnt > 0', false],
      ['oops != null && devices["x"].bound', true],
    ] as const) {
      const when = parse(text);
      expect(scanStates(trace, when).kind).toBe('holds');
      expect(when.wasThere()).toBe(wasThere);
    }
  });

  it('may name each field that a state or an event has, to any depth', () => {
    const ofState = Object.entries(trace.events.reduce(folded, initialState()));
    const ofEvents = trace.events.map(({ event }) => ['event', event] as const);
    const ofStimuli = trace.header.stimuli.map((one) => ['stimulus', one] as const);
    const all = new Set([...ofState, ...ofEvents, ...ofStimuli].flatMap(([a, b]) => pathsOf(a, b)));
    expect(all.size).toBeGreaterThan(300);
    for (const path of all) expect(() => parse(`${path} == ${path}`)).not.toThrow();
  });

  it('names all tables of the state', () => {
    const names = documentWhen().map(([name]) => name);
    expect(names).toEqual([...Object.keys(initialState()), 'event', 'stimulus']);
    for (const name of names) expect(() => parse(`${name} == ${name}`)).not.toThrow();
  });
});

describe('refuses, with the place', () => {
  it.each([
    ['groups[', 8, 'Unexpected'],
    ['1 == 1 && foo.bar > 1', 11, 'Unknown variable: foo'],
    ['"a".matches("(a+)+$")', 1, 'no function matches'],
    ['links.all(a, links.all(b, links.all(c, true)))', 27, 'More than 2 loops'],
    ['cel.bind(x, 1, x > 0)', 1, 'no function bind'],
    ['size(groups)', 1, 'not a yes or no'],
    ['groups["1"].owner_cnt', 1, 'no yes or no'],
    ['event.type > 3', 1, 'no such overload'],
    ['groups["1"].owner_cnt = 3', 23, 'Unexpected'],
    [`oops == ${'('.repeat(60)}1${')'.repeat(60)}`, null, ''],
    [`1 == ${'1 + '.repeat(900)}1`, null, ''],
    ['x'.repeat(5000), 1, 'more than 4000 characters'],
  ])('%s', (text, column, message) => {
    const error = errorOf(text);
    expect(error).toMatchObject({ code: 'BAD_EXPRESSION', file: '--when', line: 1 });
    if (column !== null) expect(error.column).toBe(column);
    expect(error.message).toContain(message);
  });

  it.each([
    ['groups["1"].ownr_cnt > 1', 13, 'groups["1"] has no field ownr_cnt', 'are owner_cnt, owner,'],
    ['gruops["1"].owner_cnt > 1', 1, 'Unknown variable: gruops', 'variables are groups,'],
    ['event.typ == "x"', 7, 'event has no field typ', 'are type,'],
    ['event.type == "driver.bond"', 15, 'event.type is never "driver.bond"', 'of driver.bound,'],
    ['"unbnd" == stimulus.do', 1, 'stimulus.do is never "unbnd"', 'of unbind,'],
    ['groups["1"].domain in ["DMA", "DMAFQ"]', 31, 'never "DMAFQ"', 'of DMA-FQ,'],
    ['vfio.groups["1"]["opened"] == "x"', 18, 'no field opened', 'are opened_by,'],
    ['has(devices.x.drver)', 15, 'devices.x has no field drver', 'are driver,'],
    ['devices["x"].spec.pci.pcei == null', 23, 'no field pcei', 'are pcie,'],
    ['oops.at == "x"', 6, 'oops is a plain value', null],
    ['links.status == "ACTIVE"', 7, 'links is a list', 'links.exists(one, …)'],
    ['links.exists(l, l.statsu == "ACTIVE")', 19, 'l has no field statsu', 'are status,'],
    ['links[0].flags.exists(f, f == "MANGED")', 31, 'f is never "MANGED"', 'of MANAGED,'],
    ['devices.exists(d, d.driver == "x")', 21, 'd is a plain value', 'write table[d]'],
    ['iommus.filter(i, i.freed).exists(j, j.nme == "x")', 39, 'no field nme', 'are name,'],
    ['acs_requested ? links[0].x == 1 : true', 26, 'links[0] has no field x', 'its fields are'],
  ])('%s', (text, column, message, hint) => {
    let error: unknown;
    try {
      parse(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'BAD_EXPRESSION', line: 1, column });
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
    expect(error).toMatchObject({ hint: hint === null ? null : expect.stringContaining(hint) });
  });

  it('lines of a file', () => {
    expect(errorOf('groups["1"].owner_cnt > 0 &&\n  foo')).toMatchObject({ line: 2, column: 3 });
  });

  it('whatever is typed, with an error of its own, and nothing else', () => {
    const words = [
      ...['groups', 'devices', '["1"]', '.owner_cnt', '.constructor', '.__proto__', '(', ')', '>'],
      ...['0', '"a"', '&&', '!', 'event', 'has', 'size', 'exists', ',', 'd', '.', 'prototype', '='],
    ];
    const aText = fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((all) => all.join(''));
    const property = fc.property(fc.oneof(aText, fc.string()), (text) => {
      const before = JSON.stringify(START.state);
      try {
        parse(text)(START);
      } catch (error) {
        expect(error).toBeInstanceOf(ReprobeError);
      }
      expect(JSON.stringify(START.state)).toBe(before);
      expect(Object.hasOwn(Object.prototype, 'owner_cnt')).toBe(false);
    });
    fc.assert(property, { numRuns: 500 });
  });
});

it('reads devices of any name, and no more of them than they have', () => {
  // Half a character cannot be written in CEL.
  const aName = fc.constantFrom(...HOSTILE_NAMES.filter((name) => name !== '\ud800'));
  const property = fc.property(aName, aName, (name, other) => {
    const state = initialState();
    state.vfio.open = tableOf([[name, 'guest']]);
    const moment = { ...START, state };
    const literal = (text: string) => JSON.stringify(text).replace('\u007f', '\\u007f');
    const is = `vfio.open.exists(d, d == ${literal(name)} && vfio.open[d] == "guest")`;
    expect(parse(is)(moment)).toBe(true);
    expect(parse(`${literal(other)} in vfio.open`)(moment)).toBe(other === name);
    for (const word of ['constructor', '__proto__', 'toString'])
      if (word !== name) expect(parse(`vfio.open["${word}"] != "x"`)(moment)).toBe(false);
  });
  fc.assert(property);
});

it('is scanned as if each state were asked by itself', () => {
  const whens = ['groups.exists(g, groups[g].owner_cnt > 0)', 'vfio.open.exists(d, true)'].map(
    parse,
  );
  const property = fc.property(aRun.map(traceOf), fc.constantFrom(...whens), (run, when) => {
    const history = createHistory(run.events, 16);
    const bad = Array.from({ length: run.events.length + 1 }, (_, count) => {
      const recorded = run.events[count - 1] ?? null;
      return when({ state: stateAfter(history, count), n: count - 1, recorded, stimulus: null });
    });
    const first = bad.findIndex((is, count) => is && bad[count - 1] === false);
    const healed = bad.findIndex((is, count) => count > first && !is);
    const found = scanStates(run, when);
    if (first < 0) expect(found.kind).toBe('holds');
    else
      expect(found).toMatchObject({
        ...{ kind: 'found', event: first - 1, lastGood: first - 2 },
        healed: healed < 0 ? null : healed - 1,
      });
  });
  fc.assert(property, { numRuns: 40 });
});
