import { readFile } from 'node:fs/promises';
import { sameViolation } from '../bisect/first-violation.ts';
import {
  byCheck,
  byQuestion,
  byViolation,
  byWhen,
  type Judge,
  type Memory,
} from '../bisect/judge.ts';
import { parseQuestion, type Question } from '../bisect/question.ts';
import { type Expression, parseWhen } from '../bisect/when.ts';
import { ReprobeError } from '../error.ts';
import type { Trace } from '../events/trace.ts';
import { INVARIANTS } from '../invariants/all.ts';
import { checkTrace } from '../invariants/checker.ts';
import type { Invariant } from '../invariants/invariant.ts';
import { runCheck } from './check-command.ts';
import { invariantNamed } from './split-command.ts';

/** What decides what is bad. */
export type Predicate =
  | { readonly kind: 'violation'; readonly invariant: Invariant | undefined }
  | { readonly kind: 'when'; readonly text: string; readonly when: Expression }
  | { readonly kind: 'ask'; readonly text: string; readonly question: Question }
  | {
      readonly kind: 'command';
      readonly command: readonly string[];
      readonly interesting: boolean;
    };

export interface PredicateFlags {
  readonly invariant?: string | undefined;
  readonly when?: string | undefined;
  readonly ask?: string | undefined;
  readonly interesting: boolean;
}

/**
 * The predicate that the flags and the command after `--` name; without any, all invariants.
 *
 * @throws ReprobeError USAGE for more than one, BAD_EXPRESSION for one that cannot be read.
 */
export async function readPredicate(
  { invariant, when, ask, interesting }: PredicateFlags,
  command: readonly string[] | null,
): Promise<Predicate> {
  const given = [invariant, when, ask, command ?? undefined].filter((one) => one !== undefined);
  if (given.length > 1 || command?.length === 0)
    throw new ReprobeError(
      'USAGE',
      'Give one of --invariant, --when, --ask and a command after --.',
    );
  if (interesting && command === null)
    throw new ReprobeError('USAGE', '--interesting is for a command after --.');
  if (command !== null) return { kind: 'command', command, interesting };
  if (ask !== undefined) return { kind: 'ask', text: ask, question: parseQuestion(ask, '--ask') };
  if (when === undefined)
    return {
      kind: 'violation',
      invariant: invariant === undefined ? undefined : invariantNamed(invariant),
    };
  const [text, file] = when.startsWith('@') ? await expressionIn(when.slice(1)) : [when, '--when'];
  return { kind: 'when', text, when: parseWhen(text, { file }) };
}

async function expressionIn(path: string): Promise<readonly [string, string]> {
  try {
    return [await readFile(path, 'utf8'), path];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ReprobeError('UNREADABLE', `The expression cannot be read: ${reason}.`, {
      file: path,
    });
  }
}

/** A predicate for whole runs, and in words what it calls bad. */
interface WholeRuns {
  readonly judge: Judge;
  readonly what: string;
}

/**
 * The predicate for whole runs. A violation is bad where it is the first one of the source: the same
 * claim about the same subject; where the source breaks nothing, any violation is.
 */
export function judgeFor(predicate: Predicate, source: Trace, memory: Memory): WholeRuns {
  const what = describePredicate(predicate);
  switch (predicate.kind) {
    case 'violation': {
      const only = predicate.invariant === undefined ? undefined : [predicate.invariant];
      const [first] = checkTrace(source.header, source.events, only ?? INVARIANTS);
      const broken = only === undefined ? 'a broken invariant' : what;
      if (first === undefined)
        return { judge: byViolation(() => true, only, memory), what: broken };
      const judge = byViolation((one) => sameViolation(one, first), only, memory);
      return { judge, what: `${first.invariant} of ${first.subject}` };
    }
    case 'when':
      return { judge: byWhen(predicate.when, memory), what };
    case 'ask':
      return { judge: byQuestion(predicate.question, memory), what };
    case 'command': {
      const { command, interesting } = predicate;
      return { judge: byCheck((state) => runCheck(command, state, interesting), memory), what };
    }
  }
}

/** The predicate in words, such as identify it. */
export function describePredicate(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'violation':
      return predicate.invariant?.id ?? 'any invariant';
    case 'when':
      return predicate.text;
    case 'ask':
      return `a no to '${predicate.text}'`;
    case 'command':
      return `${predicate.interesting ? 'interesting to' : 'bad to'} ${predicate.command.join(' ')}`;
  }
}

/** Is it worth a search that asks seldom? The others are asked of everything. */
export function isCostly({ kind }: Predicate): boolean {
  return kind === 'command' || kind === 'ask';
}
