import { Args } from '@oclif/core';
import { documentQuestions } from '../bisect/question.ts';
import { documentWhen } from '../bisect/when.ts';
import { documentEvent, eventTypes } from '../events/describe.ts';
import { CATALOGUE } from '../import/catalogue.ts';
import { INVARIANTS } from '../invariants/all.ts';
import type { Patch } from '../model/versions/patch.ts';
import { PATCHES, type PatchName } from '../model/versions/patch-table.ts';
import { compareReleases, PATCH_NAMES, PROFILES, profileHas } from '../model/versions/profile.ts';
import { documentExpectations } from '../scenario/expect.ts';
import { documentKeys } from '../scenario/keys.ts';
import type { Documented } from '../scenario/shape.ts';
import { documentSteps } from '../scenario/steps.ts';
import { BaseCommand } from './base.ts';
import { unknown } from './kernel-flags.ts';
import { table } from './terminal.ts';

/** What a list looks like as a table and as JSON. */
interface Listing {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly items: readonly object[];
}

const LISTS = {
  invariants: listInvariants,
  patches: listPatches,
  kernels: listKernels,
  events: listEvents,
  messages: listMessages,
  keys: listKeys,
  steps: () => listWords('step', documentSteps()),
  expectations: () => listWords('expectation', documentExpectations()),
  variables: () => listPairs('variable of --when', documentWhen()),
  questions: () => listPairs('question of --ask', documentQuestions()),
} as const;
type ListName = keyof typeof LISTS;
const NAMES = Object.keys(LISTS).filter(isListName);

function isListName(name: string): name is ListName {
  return Object.hasOwn(LISTS, name);
}

/** Prints what the tool knows, with where it knows it from. */
export default class List extends BaseCommand {
  static override summary = 'List what reprobe knows, with sources.';
  static override args = {
    what: Args.string({ required: true, description: NAMES.join(', ') }),
  };

  async run(): Promise<object> {
    const { args } = await this.parse(List);
    if (!isListName(args.what)) throw unknown('list', args.what, NAMES, null);
    const { columns, rows, items } = LISTS[args.what]();
    this.log(table(rows, columns));
    return { [args.what]: items };
  }
}

function listInvariants(): Listing {
  return {
    columns: ['code', 'invariant', 'when', 'subsystem', 'claim'],
    rows: INVARIANTS.map(({ code, id, when, subsystem, claim }) => [
      code,
      id,
      when,
      subsystem,
      claim,
    ]),
    items: INVARIANTS.map(({ id, code, claim, subsystem, when, watches, suspects }) => ({
      ...{ id, code, claim, subsystem, when, watches, suspects },
    })),
  };
}

/** By the release they landed in, then by name. */
function listPatches(): Listing {
  const items = PATCH_NAMES.map((name): Patch & { name: string } => ({
    name,
    ...PATCHES[name],
  })).sort((a, b) => compareLanded(a.landed, b.landed) || (a.name < b.name ? -1 : 1));
  return {
    columns: ['patch', 'commit', 'landed', 'stable', 'subject', 'shown by'],
    rows: items.map(({ name, commit, landed, until, stable, subject, scenario }) => [
      ...[name, commit ?? '-', releasesOf(landed, until), stable.join(' '), subject],
      ...[`${scenario}.yaml`],
    ]),
    items,
  };
}

function releasesOf(landed: string | null, until: string | undefined): string {
  if (landed === null) return 'never';
  return until === undefined ? landed : `${landed} to ${until}`;
}

/** Proposals that were never merged come last. */
function compareLanded(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return compareReleases(a, b);
}

/** Each with what it has that the one before had not, and the other way round. */
function listKernels(): Listing {
  const items = PROFILES.map((kernel, i) => {
    const before = PROFILES[i - 1];
    const had = (name: PatchName) => before !== undefined && profileHas(before, name);
    return {
      kernel,
      tree: `the newest ${kernel}.y`,
      patches: PATCH_NAMES.filter((name) => profileHas(kernel, name)),
      gained: PATCH_NAMES.filter((name) => profileHas(kernel, name) && !had(name)),
      lost: PATCH_NAMES.filter((name) => !profileHas(kernel, name) && had(name)),
      lacks: PATCH_NAMES.filter((name) => !profileHas(kernel, name)),
    };
  });
  return {
    columns: ['kernel', 'stands for', 'patches', 'gained and lost since the one before'],
    rows: items.map(({ kernel, tree, patches, gained, lost }) => [
      ...[kernel, tree, `${patches.length} of ${PATCH_NAMES.length}`],
      [...gained.map((name) => `+${name}`), ...lost.map((name) => `-${name}`)].join(' '),
    ]),
    items,
  };
}

function listEvents(): Listing {
  const items = eventTypes().map((type) => ({ type, doc: documentEvent(type) }));
  return { columns: ['event', 'meaning'], rows: items.map(({ type, doc }) => [type, doc]), items };
}

function listMessages(): Listing {
  const items = CATALOGUE.map(({ id, kind, level, since, until, file, template, example }) => ({
    ...{ id, kind, level, since, until, file, template, example },
  }));
  return {
    columns: ['kind', 'kernels', 'source', 'message'],
    rows: items.map(({ kind, since, until, file, template }) => [
      ...[kind, releases(since, until), file, template],
    ]),
    items,
  };
}

/** The keys of scenarios, as their readers know them. */
function listKeys(): Listing {
  const items = documentKeys();
  return {
    columns: ['of', 'key', 'values', 'meaning'],
    rows: items.map(({ of, key, values, doc }) => [of, key, values.join(' '), doc]),
    items,
  };
}

/** The words of a scenario, as their readers know them. */
function listWords(what: string, items: readonly Documented[]): Listing {
  return {
    columns: [what, 'written', 'meaning'],
    rows: items.map(({ word, written, doc }) => [word, written, doc]),
    items,
  };
}

function listPairs(what: string, pairs: readonly (readonly [string, string])[]): Listing {
  return {
    columns: [what, 'meaning'],
    rows: pairs,
    items: pairs.map(([name, doc]) => ({ name, doc })),
  };
}

function releases(since: string | null, until: string | null): string {
  if (since === null && until === null) return 'all';
  return `${since ?? ''}..${until ?? ''}`;
}
