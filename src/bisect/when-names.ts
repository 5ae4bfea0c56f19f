/**
 * What an expression names, held against what there can be: a misspelt field is not there, and what is
 * said of that is not true, so that nobody would notice.
 *
 * Tables are by names of devices, groups and modules, which no one knows before the run: any key is
 * fine. All else is known beforehand: fields, variables, and the words that a field may have.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { EVENT_SHAPES } from '../events/event-shape.ts';
import { type Form, PLAIN } from '../events/form.ts';
import { count, listOf, name, variantsForm } from '../events/shape.ts';
import { stimulusShape } from '../events/stimulus-shape.ts';
import { stateShape } from '../model/state/state-shape.ts';
import { byNearness } from '../scenario/nearest.ts';

/** Ends the check: `start` is where in the text, `hint` what to do. */
export type Refuse = (start: number, message: string, hint: string | null) => never;

/** null: nothing is known of it. */
type Known = Form | null;
type Fields = ReadonlyMap<string, Known>;

const STATE = stateShape.form();
const EVENT = variantsForm('type', EVENT_SHAPES);
const VARIABLES: Fields = new Map<string, Known>([
  ...fieldsOf(STATE),
  ['event', EVENT],
  ['stimulus', stimulusShape.form()],
]);

interface Scope {
  readonly refuse: Refuse;
  /** The expression as it was written. */
  readonly text: string;
  /** Variables of loops, by name. */
  readonly locals: ReadonlyMap<string, Known>;
}

/** Fields that every event has where an expression sees it. */
const EVENT_FIELDS: Fields = new Map<string, Known>([
  ['n', count().form()],
  ['task', name.form()],
  ['stack', listOf(name).form()],
  ['line', count().form()],
]);

/** Functions that give a variable of their own the items of a list, or the keys of a table. */
export const LOOPS: readonly string[] = ['all', 'exists', 'exists_one', 'filter', 'map'];
/** Of more names than these a hint tells the nearest. */
const SHOWN_MAX = 20;
const SHOWN_OF_MORE = 8;
const COMPARISONS: readonly string[] = ['==', '!='];

/** Calls `refuse` for the first name that cannot be. */
export function checkNames(ast: ASTNode, text: string, refuse: Refuse): void {
  formOf(ast, { refuse, text, locals: new Map() });
}

/** What a part of the expression is, when all its names are right. */
function formOf(node: ASTNode, scope: Scope): Known {
  switch (node.op) {
    case 'id':
      return variable(node, node.args, scope);
    case '.':
      return field(node, node.args[0], node.args[1], scope);
    case '[]':
      return entry(node, node.args[0], node.args[1], scope);
    case 'call':
      for (const one of node.args[1]) formOf(one, scope);
      return null;
    case 'rcall':
      return method(node.args, scope);
    case '?:': {
      const [, yes] = node.args.map((one) => formOf(one, scope));
      return yes ?? null;
    }
    default:
      if (COMPARISONS.includes(node.op)) compare(childrenOf(node.args), scope);
      else if (node.op === 'in') among(childrenOf(node.args), scope);
      else for (const child of childrenOf(node.args)) formOf(child, scope);
      return null;
  }
}

function variable(node: ASTNode, called: string, { locals, refuse }: Scope): Known {
  if (locals.has(called)) return locals.get(called) ?? null;
  const found = VARIABLES.get(called);
  if (found !== undefined) return found;
  const hint = `the variables are ${listed(called, [...locals.keys(), ...VARIABLES.keys()])}`;
  return refuse(node.range.start, `Unknown variable: ${called}.`, hint);
}

/** `of.called` */
function field(node: ASTNode, of: ASTNode, called: string, scope: Scope): Known {
  const form = formOf(of, scope);
  if (form === null) return null;
  // A name stands at the end of its part.
  const at = Math.max(node.range.start, node.range.end - called.length);
  return fieldOf(form, called, at, of, scope);
}

/** `of[key]`, which of a text is the same as a field. */
function entry(node: ASTNode, of: ASTNode, key: ASTNode, scope: Scope): Known {
  const form = formOf(of, scope);
  formOf(key, scope);
  if (form === null) return null;
  if (form.kind === 'table' || form.kind === 'list') return form.item();
  const text = literal(key);
  if (text === null && form.kind !== 'value') return null;
  return fieldOf(form, text ?? '', (text === null ? node : key).range.start, of, scope);
}

function fieldOf(form: Form, called: string, at: number, of: ASTNode, scope: Scope): Known {
  if (form.kind === 'table') return form.item();
  const whole = scope.text.slice(of.range.start, of.range.end);
  const fields = fieldsOf(form);
  const found = fields.get(called);
  if (found !== undefined) return found;
  const { message, hint } = missing(form, called, whole, [...fields.keys()], scope);
  return scope.refuse(at, message, hint);
}

function missing(
  form: Form,
  called: string,
  whole: string,
  fields: readonly string[],
  { locals }: Scope,
): { readonly message: string; readonly hint: string | null } {
  if (form.kind === 'list')
    return {
      message: `${whole} is a list and has no field ${called}.`,
      hint: `write ${whole}.exists(one, …), or ${whole}[0] for the first`,
    };
  if (form.kind === 'value')
    return {
      message: `${whole} is a plain value and has no field ${called}.`,
      hint: locals.has(whole) ? `a loop over a table gives its keys: write table[${whole}]` : null,
    };
  const hint = `its fields are ${listed(called, fields)}`;
  return { message: `${whole} has no field ${called}.`, hint };
}

/** The nearest first. */
function listed(word: string, known: readonly string[]): string {
  const words = byNearness(word, known);
  if (words.length <= SHOWN_MAX) return words.join(', ');
  return `${words.slice(0, SHOWN_OF_MORE).join(', ')} and ${words.length - SHOWN_OF_MORE} more`;
}

/** All fields of a form. Where variants differ about one, no more than its words is known. */
function fieldsOf(form: Form): Fields {
  if (form.kind === 'fields')
    return new Map(Object.entries(form.fields).map(([key, make]) => [key, make()]));
  if (form.kind !== 'variants') return new Map();
  const { tag, variants } = form;
  const fields = new Map<string, Known>();
  for (const make of Object.values(variants))
    for (const [key, one] of fieldsOf(make()))
      fields.set(key, fields.has(key) ? either(fields.get(key) ?? null, one) : one);
  fields.set(tag, { kind: 'value', words: Object.keys(variants) });
  return form === EVENT ? new Map([...fields, ...EVENT_FIELDS]) : fields;
}

function either(a: Known, b: Known): Known {
  if (a?.kind !== 'value' || b?.kind !== 'value') return null;
  if (a.words === null || b.words === null) return PLAIN;
  return { kind: 'value', words: [...new Set([...a.words, ...b.words])] };
}

/** `list.exists(one, …)`, `text.startsWith(…)` */
function method(args: Extract<ASTNode, { op: 'rcall' }>['args'], scope: Scope): Known {
  const [called, of, given] = args;
  const form = formOf(of, scope);
  const [variable, ...rest] = given;
  if (!LOOPS.includes(called) || variable?.op !== 'id') {
    for (const one of given) formOf(one, scope);
    return null;
  }
  const item = itemOf(form);
  const inner = { ...scope, locals: new Map([...scope.locals, [variable.args, item]]) };
  for (const one of rest) formOf(one, inner);
  return called === 'filter' && item !== null ? { kind: 'list', item: () => item } : null;
}

/** What a loop's variable is: an item of a list, or a key. */
function itemOf(form: Known): Known {
  if (form === null) return null;
  return form.kind === 'list' ? form.item() : PLAIN;
}

/** `left == right`, one of them perhaps a word that there is not. */
function compare([left, right]: readonly ASTNode[], scope: Scope): void {
  if (left === undefined || right === undefined) return;
  const forms = [formOf(left, scope), formOf(right, scope)] as const;
  checkWord(right, forms[0], left, scope);
  checkWord(left, forms[1], right, scope);
}

/** `left in ["a", "b"]` */
function among([left, right]: readonly ASTNode[], scope: Scope): void {
  if (left === undefined || right === undefined) return;
  const form = formOf(left, scope);
  formOf(right, scope);
  if (right.op === 'list') for (const one of right.args) checkWord(one, form, left, scope);
}

function checkWord(node: ASTNode, form: Known, of: ASTNode, { refuse, text }: Scope): void {
  const word = literal(node);
  if (word === null || form?.kind !== 'value' || form.words === null) return;
  if (form.words.includes(word)) return;
  const whole = text.slice(of.range.start, of.range.end);
  const hint = `it is one of ${listed(word, form.words)}`;
  refuse(node.range.start, `${whole} is never "${word}".`, hint);
}

function literal(node: ASTNode): string | null {
  return node.op === 'value' && typeof node.args === 'string' ? node.args : null;
}

/** The parts of a node that are expressions themselves. */
export function childrenOf(args: unknown): readonly ASTNode[] {
  if (Array.isArray(args)) return args.flatMap((arg: unknown) => childrenOf(arg));
  return isNode(args) ? [args] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}
