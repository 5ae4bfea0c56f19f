/**
 * A run as one word that can be pasted: `1.MODEL.RUN.INPUTS`. MODEL and RUN are digests of what the
 * model knows and of the events; INPUTS is deflated JSON in base64url.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { ReprobeError } from '../error.ts';
import { documentEvent, eventTypes } from '../events/describe.ts';
import type { Recorded } from '../events/event.ts';
import { createInterner } from '../events/intern.ts';
import { type Inputs, SCHEMA_VERSION } from '../events/trace.ts';
import { digestOf } from '../events/trace-file.ts';
import { createLineReader } from '../events/trace-lines.ts';
import { INVARIANTS } from '../invariants/all.ts';
import { OPTIONS } from '../model/versions/option-table.ts';
import { PATCHES } from '../model/versions/patch-table.ts';

const FORMAT = '1';
/** A longer one is no line to paste: a file serves better. */
const TOKEN_MAX = 6000;
const JSON_MAX = 1 << 20;
const TOKEN = /^(\d{1,6})\.([0-9a-f]{8})\.([0-9a-f]{12})\.([\w-]+)$/;

/** What a token says. */
export interface Token {
  readonly inputs: Inputs;
  /** The digest that the events of the run have to have. */
  readonly run: string;
}

/** The token of a run; null where it would be longer than a line to paste. Cost: once through the events. */
export function tokenOf(inputs: Inputs, events: readonly Recorded[]): string | null {
  const { kernel, machine, stimuli, choices } = inputs;
  const json = JSON.stringify([SCHEMA_VERSION, kernel, machine, stimuli, choices]);
  const packed = deflateRawSync(json, { level: 9 }).toString('base64url');
  const token = [FORMAT, modelDigest(), runDigest(events), packed].join('.');
  return token.length <= TOKEN_MAX && json.length <= JSON_MAX ? token : null;
}

/**
 * Reads a token.
 *
 * @throws ReprobeError BAD_TOKEN when it is damaged, of another format or schema, or of a reprobe
 * whose model knows other things.
 */
export function readToken(token: string): Token {
  const [, format, model, run, packed] = TOKEN.exec(token.trim()) ?? [];
  if (format === undefined || run === undefined || packed === undefined) throw damaged();
  if (format !== FORMAT)
    throw foreign(`The token has format ${format}; this reprobe reads ${FORMAT}.`);
  if (model !== modelDigest())
    throw foreign(`The token is of a reprobe with another model (${model}, not ${modelDigest()}).`);
  const [schema, kernel, machine, stimuli, choices] = unpack(packed);
  if (schema !== SCHEMA_VERSION)
    throw foreign(`The token has schema ${String(schema)}; this reprobe reads ${SCHEMA_VERSION}.`);
  const header = { reprobe: 'trace', machineDigest: 'none', source: null };
  const raw = { ...header, schema, kernel, machine, stimuli, choices };
  try {
    return { inputs: createLineReader(createInterner(), null).header(raw), run };
  } catch (error) {
    if (error instanceof ReprobeError) throw new ReprobeError('BAD_TOKEN', error.message);
    throw error;
  }
}

/**
 * Holds a run against the token that it was made from.
 *
 * @throws ReprobeError BAD_TOKEN when the events are not those that the token was made of.
 */
export function expectRun({ run }: Token, events: readonly Recorded[]): void {
  if (runDigest(events) === run) return;
  throw foreign('The inputs of the token make another run here than where the token was made.');
}

function unpack(packed: string): readonly unknown[] {
  try {
    const bytes = inflateRawSync(Buffer.from(packed, 'base64url'), { maxOutputLength: JSON_MAX });
    const parts: unknown = JSON.parse(bytes.toString('utf8'));
    if (Array.isArray(parts) && parts.length === 5) return parts;
  } catch {
    // Whatever is wrong with it, it is not as it was made.
  }
  throw damaged();
}

function damaged(): ReprobeError {
  return new ReprobeError('BAD_TOKEN', 'This is no token, or not all of one.', {
    hint: 'paste all of the word behind --token',
  });
}

function foreign(message: string): ReprobeError {
  return new ReprobeError('BAD_TOKEN', message, {
    hint: 'run it with the reprobe that made it, or ask for the scenario: `reprobe export --yaml`',
  });
}

/** What a path can ask about, what it can tell, and what is held against it. */
function modelDigest(): string {
  const events = eventTypes().map((type) => [type, documentEvent(type)]);
  const claims = INVARIANTS.map(({ id, claim, when, watches }) => [id, claim, when, watches]);
  return hex(digestOf([SCHEMA_VERSION, events, claims, PATCHES, OPTIONS])).slice(0, 8);
}

function runDigest(events: readonly Recorded[]): string {
  return hex(digestOf(events.map(({ event, task, stack }) => [event, task, stack]))).slice(0, 12);
}

function hex(digest: string): string {
  return digest.slice('sha256:'.length);
}
