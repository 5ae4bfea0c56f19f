/** Records to observations. */
import { errnoFromName } from '../events/errno.ts';
import { emptyTable, type Table } from '../events/table.ts';
import { shellCommand } from './action.ts';
import { CATALOGUE } from './catalogue.ts';
import type { CatalogueRow } from './catalogue-row.ts';
import type { Observation } from './observation.ts';
import { type DevHead, isDevice, readDevHead } from './recognise-device.ts';
import type { LogRecord } from './record.ts';

/** Rows by the words that their text begins with. */
interface Buckets {
  readonly keyed: ReadonlyMap<string, readonly CatalogueRow[]>;
  /** The first two characters of those words. */
  readonly starts: ReadonlySet<number>;
  /** Rows that begin with something that varies. */
  readonly others: readonly CatalogueRow[];
}

const WITH_HEAD = bucketsOf(CATALOGUE.filter((row) => row.head !== 'none'));
const WITHOUT_HEAD = bucketsOf(CATALOGUE.filter((row) => row.head === 'none'));

/** A subsystem that the model covers has a hand in the line. */
const RELEVANT =
  /iommu|smmu|vfio|\bDMAR\b|AMD-Vi|\bIORT\b|deferred probe|deferred list|probe deferral|\bprobe of |probe with driver|driver_override|bus_type|device link|supplier/i;
/** A frame of a stack trace, a register dump or a list of modules. */
const TRACE =
  /^\s*(?:\? )?[\w.$]+\+0x[0-9a-f]+\/0x[0-9a-f]+|^\s*\[<|^(?:Modules linked in|Call trace|Call Trace|pc :|lr :|RIP:|Code:|Workqueue:|Hardware name:| x\d+)/;

/** What the record tells, or null when nothing in it is known. Linear in the text. */
export function recognise(record: LogRecord): Observation | null {
  const text = record.text.trim();
  const colon = text.indexOf(': ');
  const head = colon > 0 ? text.slice(0, colon) : null;
  const body = head === null ? '' : text.slice(colon + 2).trimStart();
  const device = head === null ? null : readDevHead(head);
  const found =
    matchIn(WITHOUT_HEAD, text, record, null, null) ??
    (head === null ? null : matchIn(WITH_HEAD, body, record, head, device));
  if (found !== null) return found;
  if (device !== null && isDevice(device, record)) return evidence(record, device);
  if (record.timeUs !== null) return null;
  const command = shellCommand(text);
  return command === null ? null : userAction(record, command);
}

/**
 * Whether a record that was not recognised speaks of what the model covers: it is then counted, so
 * that a message missing in the catalogue shows.
 */
export function looksRelevant(record: LogRecord): boolean {
  const { text } = record;
  return RELEVANT.test(text) && !TRACE.test(text) && !DRAWN.test(text);
}

/** A frame, or what somebody who looks for a bug marks his own lines with. */
const DRAWN = /^(?:[-=]{4}|\*\*)|: -{4}/;

/** The text with numbers and addresses replaced by `#`: lines of one message have one shape. */
export function shapeOf(text: string): string {
  return text.trim().replace(/\w+/g, (word) => (isNumber(word) ? '#' : word.replace(/\d+/g, '#')));
}

/** Decimal, or hexadecimal with a digit in it. */
function isNumber(word: string): boolean {
  return /^(?:0x)?[0-9a-f]+$/i.test(word) && /\d/.test(word);
}

function bucketsOf(rows: readonly CatalogueRow[]): Buckets {
  const keyed = new Map<string, CatalogueRow[]>();
  const others: CatalogueRow[] = [];
  for (const row of rows) {
    if (row.key === null) others.push(row);
    else if (keyed.has(row.key)) keyed.get(row.key)?.push(row);
    else keyed.set(row.key, [row]);
  }
  return { keyed, starts: new Set([...keyed.keys()].map(startOf)), others };
}

/** The first two characters as one number, a blank for one that is not there. */
function startOf(text: string): number {
  return text.charCodeAt(0) * 0x10000 + (text.charCodeAt(1) || 0x20);
}

function matchIn(
  { keyed, starts, others }: Buckets,
  text: string,
  record: LogRecord,
  head: string | null,
  device: DevHead | null,
): Observation | null {
  return (
    (starts.has(startOf(text)) ? matchKeyed(keyed, text, record, head, device) : null) ??
    matchRows(others, text, record, head, device)
  );
}

function matchKeyed(
  keyed: Buckets['keyed'],
  text: string,
  record: LogRecord,
  head: string | null,
  device: DevHead | null,
): Observation | null {
  const space = text.indexOf(' ');
  const first = space < 0 ? text : text.slice(0, space);
  const next = space < 0 ? -1 : text.indexOf(' ', space + 1);
  const two = next < 0 ? text : text.slice(0, next);
  return (
    matchRows(space < 0 ? undefined : keyed.get(two), text, record, head, device) ??
    matchRows(keyed.get(first), text, record, head, device)
  );
}

function matchRows(
  rows: readonly CatalogueRow[] | undefined,
  text: string,
  record: LogRecord,
  head: string | null,
  device: DevHead | null,
): Observation | null {
  if (rows === undefined) return null;
  for (const row of rows) {
    if (!fitsHead(row, head, device) || !text.includes(row.literal)) continue;
    const match = row.pattern.exec(text);
    if (match !== null) return observe(row, match, record, head, device);
  }
  return null;
}

/** Names of drivers may hold blanks, other words before a colon do not. */
function fitsHead(row: CatalogueRow, head: string | null, device: DevHead | null): boolean {
  if (row.head === 'none') return true;
  if (row.head === 'dev') return device !== null;
  return head !== null && (row.headName === 'drv' || !head.includes(' '));
}

function observe(
  row: CatalogueRow,
  match: RegExpExecArray,
  record: LogRecord,
  head: string | null,
  device: DevHead | null,
): Observation {
  const fields = emptyTable<string>();
  for (const [name, value] of row.constants) fields[name] = value;
  let { dev, prefix } = row.head === 'dev' && device !== null ? device : NO_DEVICE;
  let [drv, group, error]: [string | null, number | null, number | null] = [null, null, null];
  const take = (name: string, value: string) => {
    if (name === 'dev') dev = value;
    else if (name === 'drv') drv = value;
    else if (name === 'group') group = Number(value);
    else if (name === 'error') error = errnoOf(value);
    else if (name === 'requester') dev = functionNamed(value);
    else fields[name] = value;
  };
  if (row.headName !== null && head !== null) take(row.headName, head);
  for (const [index, name] of row.names.entries()) take(name, match[index + 1] ?? '');
  return { kind: row.kind, row: row.id, record, prefix, dev, drv, group, error, fields };
}

const NO_DEVICE: { dev: string | null; prefix: string | null } = { dev: null, prefix: null };

/** A requester id as IOMMUs of x86 print it, with or without its segment, as the function's name. */
function functionNamed(id: string): string | null {
  const found = /^(?:([0-9a-f]{4}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/.exec(id);
  return found === null ? null : `${found[1] ?? '0000'}:${found[2]}`;
}

/** `-22` or, of %pe, `-EINVAL`. */
function errnoOf(text: string): number | null {
  const number = Number(text);
  return Number.isInteger(number) ? number : errnoFromName(text);
}

const NO_FIELDS: Table<string> = emptyTable();

function evidence(record: LogRecord, { prefix, dev }: DevHead): Observation {
  const kind = 'device.evidence';
  const row = 'dev-printk';
  const fields = NO_FIELDS;
  return { kind, row, record, prefix, dev, drv: null, group: null, error: null, fields };
}

function userAction(record: LogRecord, command: string): Observation {
  const fields: Table<string> = emptyTable();
  fields['command'] = command;
  const nothing = { prefix: null, dev: null, drv: null, group: null, error: null };
  return { kind: 'user.action', row: 'shell-command', record, ...nothing, fields };
}
