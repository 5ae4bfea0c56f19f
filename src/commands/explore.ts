import { Args, Flags } from '@oclif/core';
import { changedKernel } from '../bisect/rerun.ts';
import { withoutDefaults } from '../engine/run.ts';
import { ReprobeError } from '../error.ts';
import { SCHEMA_VERSION } from '../events/trace.ts';
import { type Estimate, estimateSchedules } from '../explore/estimate.ts';
import { type Exploration, explore, type Found } from '../explore/explore.ts';
import { describeStrategy, parseStrategy, type SearchStrategy } from '../explore/strategy.ts';
import { type ExplorationReport, explorationLines, reductionOf } from '../report/exploration.ts';
import { line } from '../report/line.ts';
import { printScenario } from '../scenario/print.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { integerOf, secondsOf } from './fuzz-flags.ts';
import { joinSignedValues, readChange } from './kernel-flags.ts';
import { painted } from './print.ts';
import { readScenario, sourceFlags } from './source.ts';
import { painter, progress } from './terminal.ts';
import { checkOutputs, writeTo } from './write-file.ts';

/** Random schedules that the number of all is estimated from. */
const SAMPLES = 200;
/** Between two looks at the clock, and at what the user wants. */
const TURN_MS = 50;
const COUNT_MAX = Number.MAX_SAFE_INTEGER;

/** Walks all schedules of a scenario. */
export default class Explore extends BaseCommand {
  static override summary =
    'Walk every schedule of a scenario, and say what each invariant makes of it.';
  static override description =
    'Schedules that differ by the order of independent steps alone are walked once (por), or all up to a ' +
    'number of preemptions (dfs:bound=N). The choices of the scenario are not looked at. With -o the first ' +
    'schedule that breaks an invariant is written as a scenario.';
  static override args = {
    scenario: Args.string({
      required: true,
      description: 'a scenario, a devicetree blob or an IORT, or - for standard input',
    }),
  };
  static override flags = {
    kernel: sourceFlags.kernel,
    config: sourceFlags.config,
    patch: sourceFlags.patch,
    strategy: Flags.string({ description: 'por, dfs or dfs:bound=N', helpValue: 'por' }),
    bound: Flags.string({ description: 'the same as --strategy dfs:bound=N', helpValue: 'N' }),
    schedules: Flags.string({ description: 'walk no more than so many', helpValue: 'N' }),
    time: Flags.string({ description: 'take no longer, such as 90s, 15m, 8h', helpValue: '60s' }),
    output: Flags.string({
      char: 'o',
      description: 'write the first schedule that breaks an invariant here',
      helpValue: 'OUT.yaml',
    }),
  };

  private wasInterrupted = false;

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Explore, joinSignedValues(this.argv));
    const strategy = strategyOf(flags);
    const seconds = flags.time === undefined ? null : secondsOf(flags.time);
    const most = flags.schedules;
    const limits =
      most === undefined ? {} : { schedulesMax: integerOf('schedules', most, 1, COUNT_MAX) };
    await checkOutputs([args.scenario], [['--output', flags.output]]);
    const { scenario } = await readScenario(args.scenario);
    const kernel = changedKernel(scenario.kernel, await readChange(flags));
    const inputs = { kernel, machine: scenario.machine, stimuli: scenario.steps, choices: [] };
    const result = await this.explored(explore(inputs, { strategy, ...limits }), seconds);
    const isCounted = strategy.kind === 'dfs' && result.isComplete;
    const all: Estimate | null = isCounted ? null : estimateSchedules(inputs, SAMPLES, 1);
    const report: ExplorationReport = { result, all, strategy: describeStrategy(strategy) };
    const [first] = result.found;
    if (flags.output !== undefined && first !== undefined)
      await writeTo(flags.output, printScenario(witness({ ...scenario, kernel }, first)));
    const saved =
      flags.output === undefined || first === undefined ? [] : [line(`written: ${flags.output}`)];
    process.exitCode = exitOf(result);
    this.log(painted([...explorationLines(report), ...saved], painter()));
    return documentOf(report);
  }

  /** Walks until the end, or the time is up, or the user has had enough. */
  private async explored(
    walks: ReturnType<typeof explore>,
    seconds: number | null,
  ): Promise<Exploration> {
    const begun = performance.now();
    const status = progress('schedules');
    let turn = begun;
    let step = walks.next();
    while (step.done !== true) {
      const now = performance.now();
      if (now - turn > TURN_MS) {
        turn = now;
        status.step(step.value.walked);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const isLate = seconds !== null && now - begun > seconds * 1000;
      step = walks.next(this.wasInterrupted ? 'interrupted' : isLate ? 'time' : undefined);
    }
    status.done();
    return step.value;
  }

  /** What was found so far is still told and saved. */
  protected override async interrupted(): Promise<void> {
    this.wasInterrupted = true;
    await this.told;
  }
}

function strategyOf(flags: {
  readonly strategy?: string | undefined;
  readonly bound?: string | undefined;
}): SearchStrategy {
  const { strategy, bound } = flags;
  if (bound !== undefined) {
    if (strategy !== undefined && strategy !== 'dfs') {
      throw new ReprobeError('USAGE', `--bound does not go with --strategy ${strategy}.`, {
        hint: 'of the schedules that reduction takes for one, the one it walks may have more preemptions',
      });
    }
    return { kind: 'dfs', bound: integerOf('bound', bound, 0, COUNT_MAX) };
  }
  const spec = parseStrategy(strategy ?? 'por');
  if (spec.kind === 'dfs' || spec.kind === 'por') return spec;
  throw new ReprobeError('USAGE', `${spec.kind} makes one run by chance, and explores nothing.`, {
    hint: '`reprobe fuzz` takes it; explore takes por, dfs and dfs:bound=N',
  });
}

/** The scenario of one schedule, without expectations of another one. */
function witness(scenario: Scenario, { violation, choices }: Found): Scenario {
  const { invariant, subject } = violation;
  return {
    ...scenario,
    choices: withoutDefaults(choices),
    expect: [{ kind: 'violation', invariant, subject }],
  };
}

function exitOf({ found, isComplete }: Exploration): number {
  if (found.length > 0) return EXIT.violated;
  return isComplete ? EXIT.holds : EXIT.inconclusive;
}

function documentOf(report: ExplorationReport): object {
  const { result, all, strategy } = report;
  const { isComplete, bounded, walked, cut, schedules, states, finals, found } = result;
  return {
    ...{ schema: SCHEMA_VERSION, strategy, complete: isComplete, bounded },
    schedules: {
      ...{ walked, cut, explored: schedules },
      all: all === null ? schedules : Number.isFinite(all.mean) ? all.mean : null,
      allLog10: all === null ? Math.log10(schedules) : all.log10,
      isEstimated: all !== null,
    },
    reduction: reductionOf(report),
    ...{ states, finalStates: finals.size },
    violations: found.map((one) => ({
      ...one.violation,
      ...{ schedules: one.schedules, choices: one.choices },
    })),
  };
}
