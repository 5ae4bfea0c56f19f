import { Flags } from '@oclif/core';
import { type Memory, repeated } from '../bisect/judge.ts';
import type { KernelRange } from '../bisect/kernels.ts';
import { documentQuestions } from '../bisect/question.ts';
import { ReprobeError } from '../error.ts';
import { BaseCommand } from './base.ts';
import { bisectEvents } from './bisect-events.ts';
import type { Means, Told } from './bisect-means.ts';
import {
  bisectDifferences,
  bisectReleases,
  bisectSteps,
  doubted,
  notReproduced,
} from './bisect-modes.ts';
import { describePredicate, isCostly, judgeFor, readPredicate } from './bisect-predicate.ts';
import { fingerprint, openSession, type SessionFlags } from './bisect-session.ts';
import { releaseNamed } from './kernel-flags.ts';
import { painted } from './print.ts';
import { type LoadedSource, loadSource, sourceArg, sourceFlags } from './source.ts';
import { splitCommand } from './split-command.ts';
import { painter, progress } from './terminal.ts';

const QUESTIONS = documentQuestions()
  .map(([form]) => form)
  .join(', ');

/** Finds the first event, stimulus, release or difference that makes a run bad. */
export default class Bisect extends BaseCommand {
  static override summary =
    'Find the first event that breaks an invariant, or what else makes it bad.';
  static override description =
    'What is bad: a broken invariant, or what --when, --ask or a command after -- says. The command ' +
    'gets the state as JSON on its standard input and exits as under `git bisect run`: 0 good, 125 ' +
    'skip, else bad, 128 stops.\n\n' +
    'What is searched: the events of the run; its stimuli; kernel releases and their patches; or the ' +
    'differences to a good source. An expression for --when is CEL over the state: ' +
    'groups["45"].owner_cnt > 0; its variables are those of `reprobe list variables`, and ' +
    'what it says about a device, group or module that is not there is not true.';
  static override args = { source: sourceArg };
  static override flags = {
    ...sourceFlags,
    invariant: Flags.string({ description: 'look at this one only', helpValue: 'ID' }),
    when: Flags.string({
      description: 'bad is what this expression is true of; @FILE reads it',
      helpValue: 'EXPR',
    }),
    ask: Flags.string({
      description: `bad is where this would fail, tried on a fork: ${QUESTIONS}`,
      helpValue: 'QUESTION',
    }),
    interesting: Flags.boolean({
      default: false,
      description: 'the command says 0 for what is bad, as interestingness tests do',
    }),
    confirm: Flags.boolean({
      default: false,
      description: 'ask twice about the answer, and look into what was never looked at',
    }),
    stimuli: Flags.boolean({
      default: false,
      description: 'search the stimuli: the first that makes it bad, and which of them it takes',
    }),
    kernels: Flags.boolean({
      default: false,
      description: 'search the releases, and the patches between them',
    }),
    find: Flags.string({
      options: ['break', 'fix'],
      description: 'with --kernels: the release that makes it bad, or good again',
    }),
    from: Flags.string({ description: 'with --kernels: the first release', helpValue: '5.10' }),
    to: Flags.string({ description: 'with --kernels: the last release', helpValue: '6.12' }),
    good: Flags.string({
      description: 'search the differences to this source, which is good',
      helpValue: 'SOURCE',
    }),
    log: Flags.string({ description: 'write each verdict to this file', helpValue: 'FILE' }),
    replay: Flags.string({
      description: 'take the verdicts of this file, which may be edited, as given',
      helpValue: 'FILE',
    }),
    resume: Flags.string({
      description: 'go on with this file: --replay and --log in one',
      helpValue: 'FILE',
    }),
  };

  async run(): Promise<object> {
    const { argv, command } = splitCommand(this.argv);
    const { args, flags } = await this.parse(Bisect, argv);
    const mode = modeOf(flags);
    const range = rangeOf(flags);
    const predicate = await readPredicate(flags, command);
    if (mode === 'events' && !isCostly(predicate)) refuseSession(flags);
    const source = await loadSource(args.source, flags);
    const good = flags.good === undefined ? null : await loadSource(flags.good, flags);
    const inputs = [source, good].map((one) => one?.trace.header ?? null);
    const of = fingerprint([mode, describePredicate(predicate), range, inputs]);
    const bar = progress('judged');
    const memory = counted(await openSession(flags, of), bar.step);
    const { judge: once, what } = judgeFor(predicate, source.trace, memory);
    const { confirm } = flags;
    // What the model alone decides is the same each time.
    const judge = confirm && predicate.kind === 'command' ? repeated(once) : once;
    const means: Means = { source, predicate, memory, confirm, judge, what };

    const told = await this.search(means, { mode, range, good, flags });
    bar.done();
    process.exitCode = told.exit;
    this.log(painted(told.lines, painter()));
    return told.json;
  }

  private async search(means: Means, { mode, range, good, flags }: Wanted): Promise<Told> {
    if (mode === 'events') return await bisectEvents(means, flags);
    const refused = await notReproduced(means);
    if (refused !== null) return refused;
    if (mode === 'kernels')
      return doubted(await bisectReleases(means, range, findOf(flags.find)), means);
    if (good !== null) return await bisectDifferences(means, good);
    return doubted(await bisectSteps(means), means);
  }
}

type Mode = 'events' | 'stimuli' | 'kernels' | 'good';

/** What is to be searched. */
interface Wanted {
  readonly mode: Mode;
  readonly range: KernelRange;
  readonly good: LoadedSource | null;
  readonly flags: Parameters<typeof bisectEvents>[1] & { readonly find?: string | undefined };
}

/** Tells how many verdicts there are. */
function counted(memory: Memory, step: (count: number) => void): Memory {
  let count = 0;
  return {
    verdict(of, what, ask) {
      count += 1;
      step(count);
      return memory.verdict(of, what, ask);
    },
  };
}

function modeOf(flags: {
  readonly stimuli: boolean;
  readonly kernels: boolean;
  readonly good?: string | undefined;
  readonly find?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}): Mode {
  const { stimuli, kernels, good, find, from, to } = flags;
  const modes = [stimuli, kernels, good !== undefined].filter(Boolean).length;
  if (modes > 1) throw new ReprobeError('USAGE', 'Give one of --stimuli, --kernels and --good.');
  if (!kernels && [find, from, to].some((one) => one !== undefined))
    throw new ReprobeError('USAGE', '--find, --from and --to are for --kernels.');
  if (kernels) return 'kernels';
  if (stimuli) return 'stimuli';
  return good === undefined ? 'events' : 'good';
}

function rangeOf({
  from,
  to,
}: {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}) {
  const named = (release: string | undefined) =>
    release === undefined ? null : releaseNamed(release);
  return { from: named(from), to: named(to) };
}

const findOf = (find: string | undefined) => (find === 'fix' ? 'fix' : 'break');

function refuseSession({ log, replay, resume }: SessionFlags): void {
  if ([log, replay, resume].every((one) => one === undefined)) return;
  throw new ReprobeError(
    'USAGE',
    'There is nothing to log: every state is looked at, in one pass.',
    {
      hint: '--log, --replay and --resume are for --ask, a command, --stimuli, --kernels and --good',
    },
  );
}
