import { Flags } from '@oclif/core';
import { reasonOf } from '../bisect/doubt.ts';
import { firstViolation } from '../bisect/first-violation.ts';
import { violationsOf } from '../bisect/rerun.ts';
import { runAll } from '../engine/run.ts';
import { ReprobeError } from '../error.ts';
import type { Inputs } from '../events/trace.ts';
import { shellWords } from '../import/action-shell.ts';
import { runChecked } from '../invariants/checked-run.ts';
import type { Violation } from '../invariants/invariant.ts';
import { type Minimized, minimizeElsewhere, minimizeInteresting } from '../minimize/minimize.ts';
import { signatureText } from '../minimize/signature.ts';
import type { Target } from '../minimize/trial.ts';
import { type Line, line } from '../report/line.ts';
import {
  callsLine,
  contentsOf,
  removedFrom,
  signatureLines,
  sizeLines,
} from '../report/minimized.ts';
import { driverKnowledge } from '../scenario/known-drivers.ts';
import { printScenario } from '../scenario/print.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { judgeByCommand, judgeHere, judgeInThreads } from './minimize-judges.ts';
import { againCommand, painted, tokenCommand } from './print.ts';
import { inputsOf, type LoadedSource, loadSource, sourceArg, sourceFlags } from './source.ts';
import { invariantNamed, splitCommand } from './split-command.ts';
import { painter, progress } from './terminal.ts';
import { checkOutputs, writeTo } from './write-file.ts';

/** What a minimisation ended with. */
interface Ended extends Pick<Minimized, 'inputs' | 'calls' | 'was'> {
  /** Null where a command decided. */
  readonly found: Pick<Minimized, 'violation' | 'signature'> | null;
}

/** Looks for the smallest inputs that still break an invariant. */
export default class Minimize extends BaseCommand {
  static override summary = 'Find the smallest machine and fewest steps that still fail.';
  static override description =
    'Everything is left out without which a run still breaks the same invariant on the same subject, ' +
    'and what is left gets the names and the order of a normal form: one bug, one file. ' +
    'A command after -- decides instead: it gets a scenario on its standard input, or as the file {}, ' +
    'and exits as under `git bisect run`: 1 to 127 keeps it, 0 and 125 do not, 128 stops.';
  static override args = { source: sourceArg };
  static override flags = {
    ...sourceFlags,
    output: Flags.string({
      char: 'o',
      description: 'write the scenario there instead of on standard output',
      helpValue: 'FILE',
    }),
    invariant: Flags.string({ description: 'the one to keep broken', helpValue: 'ID' }),
    subject: Flags.string({
      description: 'what it is broken on, as in a violation; the first otherwise',
      helpValue: 'S',
    }),
    'same-function': Flags.boolean({
      default: false,
      description: 'keep the kernel function of the bad event, too',
    }),
    interesting: Flags.boolean({
      default: false,
      description: 'the command exits with 0 for what is to be kept, as reducers want it',
    }),
    workers: Flags.integer({
      default: 1,
      min: 1,
      max: 256,
      description: 'judge so many candidates at once; the result is the same',
      helpValue: 'N',
    }),
  };

  private best: Inputs | null = null;
  private output: string | undefined;

  async run(): Promise<object> {
    const { argv, command } = splitCommand(this.argv);
    const { args, flags } = await this.parse(Minimize, argv);
    const isOurs = flags.invariant ?? flags.subject ?? (flags['same-function'] || undefined);
    if (command?.length === 0 || (command !== null && isOurs !== undefined)) {
      throw new ReprobeError('USAGE', 'Give either what is broken or a command after --.');
    }
    if (flags.interesting && command === null) {
      throw new ReprobeError('USAGE', '--interesting is about a command after --.');
    }
    await checkOutputs([args.source], [['--output', flags.output]]);
    const source = await loadSource(args.source, flags);
    this.output = flags.output;
    const before = inputsOf(source);
    const ended =
      command === null
        ? await this.byViolation(source, before, flags)
        : await this.byCommand(before, command, flags);
    if (ended === null) return this.nothing(source);
    process.exitCode = EXIT.violated;
    const file = flags.output ?? null;
    const text = scenarioText(ended.inputs, ended.found?.violation ?? null);
    if (file !== null) await writeTo(file, text);
    else if (!this.jsonEnabled()) process.stdout.write(text);
    const aftermath: Aftermath = {
      besides: besidesOf(before, ended.inputs),
      again: againOf(file, ended.inputs, ended.found),
    };
    this.tell(summary(before, ended, aftermath), file !== null);
    return documentOf(before, ended, aftermath, { file, scenario: text });
  }

  /** Of all that is known so far, the smallest. */
  protected override async interrupted(): Promise<void> {
    if (this.best === null) return;
    const text = scenarioText(this.best, null);
    if (this.output === undefined) process.stdout.write(text);
    else await writeTo(this.output, text);
  }

  private async byViolation(
    source: LoadedSource,
    inputs: Inputs,
    flags: {
      readonly invariant?: string | undefined;
      readonly subject?: string | undefined;
      readonly 'same-function': boolean;
      readonly workers: number;
    },
  ): Promise<Ended | null> {
    const target = targetOf(source, flags.invariant, flags.subject);
    if (target === null) return null;
    const judges = flags.workers > 1 ? judgeInThreads(flags.workers) : judgeHere();
    const options = {
      ...{ sameFunction: flags['same-function'], width: flags.workers },
      ...this.watch('runs'),
    };
    try {
      const { violation, signature, ...rest } = await minimizeElsewhere(
        ...([inputs, target, judges.violates, options] as const),
      );
      return { ...rest, found: { violation, signature } };
    } catch (error) {
      throw unguided(error, source);
    } finally {
      this.counter?.done();
      await judges.done();
    }
  }

  private async byCommand(
    inputs: Inputs,
    command: readonly string[],
    { interesting, workers }: { readonly interesting: boolean; readonly workers: number },
  ): Promise<Ended> {
    const judge = (candidate: Inputs) =>
      judgeByCommand(command, scenarioText(candidate, null), interesting);
    const options = { width: workers, ...this.watch('calls') };
    const ended = await minimizeInteresting(inputs, judge, options).finally(() =>
      this.counter?.done(),
    );
    if (ended !== null) return { ...ended, found: null };
    throw new ReprobeError('NO_EVIDENCE', 'The command does not keep the source itself.', {
      hint: interesting ? 'it must exit with 0' : 'it must exit with 1 to 124, 126 or 127',
    });
  }

  /** A run that breaks nothing is no failure, unless it is in doubt. */
  private nothing({ doubts }: LoadedSource): object {
    const isSure = doubts.length === 0;
    process.exitCode = isSure ? EXIT.holds : EXIT.inconclusive;
    this.log(isSure ? 'nothing to minimise: no invariant is broken' : reasonOf(doubts));
    return { outcome: isSure ? 'holds' : 'inconclusive', scenario: null };
  }

  private counter: ReturnType<typeof progress> | null = null;

  private watch(what: string) {
    const counter = progress(what);
    this.counter = counter;
    return {
      onSmaller: (inputs: Inputs, calls: number): void => {
        this.best = inputs;
        counter.step(calls);
      },
    };
  }

  private tell(lines: readonly Line[], isResult: boolean): void {
    if (this.jsonEnabled()) return;
    if (isResult) this.log(painted(lines, painter()));
    else this.logToStderr(painted(lines, painter(process.stderr)));
  }
}

/** The violation that is asked for, else the first one; null where the source breaks nothing. */
function targetOf(
  { trace }: LoadedSource,
  id: string | undefined,
  subject: string | undefined,
): Target | null {
  const invariant = id === undefined ? undefined : invariantNamed(id);
  if (subject === undefined) {
    const found = firstViolation(trace, { invariant });
    const violation = found.kind === 'found' ? found.violation : null;
    return violation === null ? null : { ...violation };
  }
  const all = violationsOf(trace).filter((one) => one.subject === subject);
  const wanted = all.find((one) => invariant === undefined || one.invariant === invariant.id);
  if (wanted !== undefined) return { invariant: wanted.invariant, subject };
  const broken = [...new Set(violationsOf(trace).map((one) => one.subject))];
  throw new ReprobeError('USAGE', `Nothing is broken on ${subject}.`, {
    hint: broken.length === 0 ? 'nothing is broken at all' : `try ${broken.join(', ')}`,
  });
}

/** A log may bring about what its inputs alone do not. */
function unguided(error: unknown, { kind, file }: LoadedSource): unknown {
  const isUnseen = error instanceof ReprobeError && error.code === 'NO_EVIDENCE';
  if (!isUnseen || kind === 'scenario') return error;
  return new ReprobeError('NO_EVIDENCE', error.message, {
    file,
    hint: 'only along the lines of the log does it happen: the emulator alone does otherwise',
  });
}

/** The inputs as a scenario that expects the violation; the same text for the same inputs. */
function scenarioText({ kernel, machine, stimuli, choices }: Inputs, found: Violation | null) {
  const scenario = { kernel, machine, steps: stimuli, choices, title: '', story: '' };
  if (found === null) return printScenario({ ...scenario, name: 'minimal', expect: [] });
  const { invariant, subject } = found;
  const expect = [{ kind: 'violation', invariant, subject }] as const;
  return printScenario({ ...scenario, name: invariant, expect }, driverKnowledge);
}

function summary(
  before: Inputs,
  { inputs, calls, was, found }: Ended,
  { besides, again }: Aftermath,
): readonly Line[] {
  const lines: Line[] = [];
  if (found !== null) {
    const { invariant, subject, message } = found.violation;
    lines.push(line(`${invariant}: ${subject}`, 'bad'), line(message));
  }
  lines.push(...sizeLines(contentsOf(before), contentsOf(inputs, was)));
  lines.push(callsLine(calls, found === null));
  if (found !== null) lines.push(...signatureLines(found.signature));
  for (const one of besides)
    lines.push(line(`breaks besides, as the source does not: ${one.invariant}: ${one.subject}`));
  if (again !== null) lines.push(line(`again: ${again}`));
  return lines;
}

/** What running the result tells. */
interface Aftermath {
  /** What breaks only since something is left out that another claim needs. */
  readonly besides: readonly Violation[];
  /** The command that shows it again. */
  readonly again: string | null;
}

function besidesOf(before: Inputs, inputs: Inputs): readonly Violation[] {
  const had = new Set(runChecked(before).violations.map(({ invariant }) => invariant));
  return runChecked(inputs).violations.filter(({ invariant }) => !had.has(invariant));
}

/** On the file that was written; else a token, where that is short enough. */
function againOf(file: string | null, inputs: Inputs, found: Ended['found']): string | null {
  if (file === null)
    return tokenCommand(runAll(inputs, inputs.stimuli, { choices: inputs.choices }).trace());
  return found === null
    ? shellWords(['reprobe', 'run', file])
    : againCommand(file, {}, found.violation.event);
}

function documentOf(
  before: Inputs,
  { inputs, calls, was, found }: Ended,
  aftermath: Aftermath,
  written: { readonly file: string | null; readonly scenario: string },
): object {
  const [old, left] = [contentsOf(before), contentsOf(inputs, was)];
  const sizes = (contents: typeof old) =>
    Object.fromEntries(Object.entries(contents).map(([kind, all]) => [kind, all.length]));
  return {
    outcome: 'minimized',
    violation: found?.violation ?? null,
    signature: found === null ? null : { ...found.signature, text: signatureText(found.signature) },
    calls,
    before: sizes(old),
    after: sizes(left),
    removed: removedFrom(old, left),
    ...aftermath,
    ...written,
  };
}
