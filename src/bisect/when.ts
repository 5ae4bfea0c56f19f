/**
 * Questions about a state in CEL, the Common Expression Language: `groups["45"].owner_cnt > 0`.
 *
 * The variables are the tables and lists of the state by their names (model/state/state.ts), `event`
 * and `stimulus`. An expression reads, and nothing else: it has no functions but those of FUNCTIONS.
 * What it says about something that is not there is not true; what cannot be there is refused.
 */
import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js';
import { ReprobeError } from '../error.ts';
import type { Recorded } from '../events/event.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { initialState, type ReadState } from '../model/state/state.ts';
import { MOMENT_VARIABLES, STATE_VARIABLES } from './variable-table.ts';
import { checkNames, childrenOf, LOOPS } from './when-names.ts';

/** A place in a run: the state, the event that led to it, and what was done from outside. */
export interface Moment {
  readonly state: ReadState;
  /** Number of the event; -1 before anything happened. */
  readonly n: number;
  /** Null before anything happened. */
  readonly recorded: Recorded | null;
  /** The last stimulus that was given; null before the first. */
  readonly stimulus: Stimulus | null;
}

/** Is the expression true there? */
export type When = (moment: Moment) => boolean;

export interface Expression extends When {
  /** Was there, in any of the moments it was asked of, all that it took for an answer? */
  readonly wasThere: () => boolean;
}

/** Where an expression stands: a flag or a file. */
export interface ExpressionPlace {
  readonly file: string;
}

const LENGTH_MAX = 4000;
/** How deep loops over tables may stand in each other: each multiplies the time by its table. */
const LOOPS_MAX = 2;
/** All others are refused: some take time without bound, none is needed. */
const FUNCTIONS: readonly string[] = [
  ...LOOPS,
  ...['has', 'size', 'startsWith', 'endsWith', 'contains', 'int', 'double', 'string'],
];

/** Each variable with what it has, for people. */
export function documentWhen(): readonly (readonly [name: string, what: string])[] {
  return Object.entries({ ...STATE_VARIABLES, ...MOMENT_VARIABLES });
}

/**
 * Reads an expression.
 *
 * Cost of asking it: linear in the expression, times a table for each loop in it, of which at most
 * two stand in each other.
 *
 * @throws ReprobeError BAD_EXPRESSION with its column: it is no CEL, names what there is not, calls
 * what it may not, or is no yes or no; also when it is asked, for what only then shows.
 */
export function parseWhen(text: string, { file }: ExpressionPlace): Expression {
  const source: Source = { text, file };
  if (text.length > LENGTH_MAX)
    throw bad(source, 0, `The expression has more than ${LENGTH_MAX} characters.`);
  const parsed = attempt(source, () => environment().parse(text));
  const names = checkNode(source, parsed.ast, 0);
  checkNames(parsed.ast, text, (start, message, hint) => {
    throw bad(source, start, message, hint);
  });
  const { valid, type = 'dyn', error } = parsed.check();
  if (!valid) throw fromCel(source, error);
  if (type !== 'bool' && type !== 'dyn')
    throw bad(source, 0, `The expression is a ${type}, not a yes or no.`, COMPARE);
  let wasThere = false;
  const when: When = (moment) => {
    const context = contextOf(moment, names);
    const answer = attempt(source, () => answerOf(() => askedOf(parsed, context)));
    wasThere ||= answer !== null;
    if (answer === null) return false;
    if (typeof answer === 'boolean') return answer;
    throw bad(source, 0, 'The expression is no yes or no.', COMPARE);
  };
  return Object.assign(when, { wasThere: () => wasThere });
}

const COMPARE = 'compare it with something, such as == "vfio-pci" or > 0';

interface Source {
  readonly text: string;
  readonly file: string;
}

let made: Environment | null = null;

/** CEL with the state's variables. Numbers of the state are doubles: they may meet whole numbers. */
function environment(): Environment {
  if (made !== null) return made;
  const env = new Environment({ limits: { maxAstNodes: 1000, maxDepth: 40 } });
  for (const [name, value] of Object.entries(initialState()))
    env.registerVariable(name, typeOf(value));
  env.registerVariable('event', 'map<string, dyn>');
  env.registerVariable('stimulus', 'dyn');
  const operators: Readonly<Record<string, (a: number, b: number) => number>> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '%': (a, b) => a % b,
  };
  for (const [operator, apply] of Object.entries(operators)) {
    env.registerOperator(`double ${operator} int`, (a, b) => apply(a, Number(b)));
    env.registerOperator(`int ${operator} double`, (a, b) => apply(Number(a), b));
  }
  env.registerOperator('double % double', (a, b) => a % b);
  made = env;
  return env;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list<dyn>';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'double';
  return typeof value === 'object' && value !== null ? 'map<string, dyn>' : 'dyn';
}

/** The variables of these names: an expression is to see no more than it names. */
function contextOf(
  { state, n, recorded, stimulus }: Moment,
  names: readonly string[],
): Record<string, unknown> {
  const context: Record<string, unknown> = {};
  for (const name of names) {
    if (name === 'stimulus') context[name] = stimulus;
    else if (name === 'event') {
      const { event = {}, task = null, stack = [], line = null } = recorded ?? {};
      context[name] = { type: null, ...event, n, task, stack, line };
    } else if (isPart(name, state)) context[name] = state[name];
  }
  return context;
}

function isPart(name: string, state: ReadState): name is keyof ReadState & string {
  return Object.hasOwn(state, name);
}

/**
 * CEL tells what a value is by its constructor, which a table with an entry of that name misleads:
 * then it gets maps.
 */
function askedOf(parsed: ParseResult, context: Record<string, unknown>): unknown {
  try {
    return parsed(context);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('Unsupported type')) throw error;
    const maps = Object.entries(context).map(([name, value]) => [name, mapped(value)]);
    return parsed(Object.fromEntries(maps));
  }
}

function mapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mapped);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, mapped(item)]));
}

/** null for what is said about something that is not there. */
function answerOf(ask: () => unknown): unknown {
  try {
    return ask() ?? 'nothing';
  } catch (error) {
    if (ABSENT.includes(codeOf(error))) return null;
    throw error;
  }
}

const ABSENT: readonly string[] = ['no_such_key', 'index_out_of_bounds'];

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Refuses functions that are not listed, and loops that stand too deep. Returns what it names. */
function checkNode(source: Source, node: ASTNode, loops: number): readonly string[] {
  const name = node.op === 'call' || node.op === 'rcall' ? node.args[0] : null;
  if (name !== null && !FUNCTIONS.includes(name))
    throw bad(source, node.range.start, `There is no function ${name} here.`, HINT);
  const inside = name !== null && LOOPS.includes(name) ? loops + 1 : loops;
  if (inside > LOOPS_MAX)
    throw bad(source, node.range.start, `More than ${LOOPS_MAX} loops stand in each other.`);
  const own = node.op === 'id' ? [node.args] : [];
  return [...own, ...childrenOf(node.args).flatMap((child) => checkNode(source, child, inside))];
}

const HINT = `the functions are ${FUNCTIONS.join(', ')}`;

function attempt<T>(source: Source, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof ReprobeError) throw error;
    throw fromCel(source, error);
  }
}

function fromCel(source: Source, error: unknown): ReprobeError {
  const summary = isSummed(error) ? error.summary : 'It cannot be read.';
  const start = isSummed(error) ? (error.range?.start ?? 0) : 0;
  const sentence = summary.endsWith('.') ? summary : `${summary}.`;
  return bad(source, start, sentence);
}

function isSummed(
  error: unknown,
): error is Error & { readonly summary: string; readonly range?: { readonly start: number } } {
  return error instanceof Error && 'summary' in error && typeof error.summary === 'string';
}

function bad(
  { text, file }: Source,
  start: number,
  message: string,
  hint: string | null = null,
): ReprobeError {
  const before = text.slice(0, start).split('\n');
  const line = before.length;
  const column = (before.at(-1) ?? '').length + 1;
  const sourceLine = text.split('\n')[line - 1] ?? null;
  return new ReprobeError('BAD_EXPRESSION', message, { file, line, column, sourceLine, hint });
}
