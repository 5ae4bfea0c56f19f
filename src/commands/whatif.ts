import { Flags } from '@oclif/core';
import { editExpectations } from '../bisect/edit.ts';
import { sameViolation } from '../bisect/first-violation.ts';
import { isSameRun, whereRunsPart } from '../bisect/parting.ts';
import { type Change, violationsOf } from '../bisect/rerun.ts';
import {
  allChanges,
  crossed,
  type Variant,
  variantsOf,
  type WhatIfRow,
  type WhatIfRun,
  whatIfRuns,
} from '../bisect/whatif.ts';
import { ReprobeError } from '../error.ts';
import { emptyTable } from '../events/table.ts';
import type { Trace } from '../events/trace.ts';
import { type Judged, judgeExpectations } from '../report/expectations.ts';
import { type Line, line } from '../report/line.ts';
import { partingLines } from '../report/parting-lines.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { joinSignedValues, optionNamed, patchNamed, releaseNamed } from './kernel-flags.ts';
import { readOtherMachine } from './machine-file.ts';
import { againCommand, painted, tokenCommand } from './print.ts';
import { type LoadedSource, loadSource, pasteable, sourceArg, sourceFlags } from './source.ts';
import { hasStepFlags, readEdits, stepFlags } from './step-flags.ts';
import { painter } from './terminal.ts';
import {
  AS_IT_IS,
  isPrintedOtherwise,
  type Row,
  tableOfRows,
  whatChanged,
} from './whatif-table.ts';

/** Options worth trying both ways when nobody says which. */
const OPTIONS = ['DEBUG_TEST_DRIVER_REMOVE', 'MODULES'] as const;
const RUNS_MAX = 4096;
const DIVERGES =
  'diverges: nothing is violated, but the log is not explained by its inputs alone: it says otherwise';
const PRINTS =
  'prints: lines of the kernel that it would not have printed (-), and others instead (+)';

/** Runs the same inputs under other kernels, on other machines, or with other steps. */
export default class WhatIf extends BaseCommand {
  static override summary =
    'Run the same inputs under other kernels, on other machines or with other steps: verdicts.';
  static override description =
    'Each patch and each option is tried both ways, in all combinations, under each kernel; each of ' +
    'these as it is, on each other machine, and with each change of a step, one at a time.';
  static override args = { source: sourceArg };
  static override flags = {
    ...sourceFlags,
    kernel: Flags.string({
      description: 'a release as it shipped; 6.1 is the newest 6.1.y',
      helpValue: '6.1',
      multiple: true,
      multipleNonGreedy: true,
    }),
    all: Flags.boolean({
      default: false,
      description: 'every release, and every patch that the run asks about flipped alone',
    }),
    machine: Flags.string({
      description: 'another machine, as in a scenario; of a log the machine that it is of',
      helpValue: 'FILE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...stepFlags,
    diff: Flags.boolean({
      default: false,
      description: 'for each verdict that is another, where the runs part',
    }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(WhatIf, joinSignedValues(this.argv));
    const { axes, file } = readAxes(flags);
    const given = flags.machine ?? [];
    const isEmpty =
      axes.kernels.length + axes.patches.length + given.length === 0 &&
      !hasKeys(axes.config) &&
      !hasStepFlags(flags);
    if (isEmpty !== flags.all) throw misused();
    const machine = given[0];
    const { evidence, boot } = flags;
    const asked = { config: file, machine, evidence, boot };
    const source = await loadSource(args.source, asked, { isOther: true });
    const variants = await variantsFor(source, axes, flags);
    const runs = [...whatIfRuns(source.rerun, variants)];
    const rows = runs.map((run): Row => ({ ...run.row, expectations: judged(source, run) }));
    process.exitCode = exitFor(rows);
    for (const text of tableOfRows(rows, variants, flags.all)) this.log(text);
    if (rows.some(({ verdict }) => verdict === 'diverges')) this.log(DIVERGES);
    if (rows.some(isPrintedOtherwise)) this.log(PRINTS);
    const parts = flags.diff ? partsOf(source.trace, runs) : [];
    for (const { lines } of parts) this.log(painted(lines, painter()));
    const again = againOf(source, runs, asked);
    if (again !== null) this.log(`again: ${again}`);
    const diffs = parts.map(({ row, parting }) => ({ row, ...parting }));
    return { runs: rows, ...(flags.diff ? { diffs } : {}) };
  }
}

function misused(): ReprobeError {
  const flags =
    '--patch, --kernel, --config, --machine, --without-step, --move-step and --add-step';
  return new ReprobeError('USAGE', `whatif takes either --all, or at least one of ${flags}.`, {
    hint: '--all tries every release, and each patch alone',
  });
}

type StepFlagValues = Parameters<typeof readEdits>[0];

async function variantsFor(
  source: LoadedSource,
  axes: ReturnType<typeof readAxes>['axes'],
  flags: StepFlagValues & {
    readonly all: boolean;
    readonly machine?: readonly string[] | undefined;
  },
): Promise<readonly Variant[]> {
  const { header, asked } = source.trace;
  const { kernel, stimuli, machine } = header;
  const changes = flags.all ? allChanges(kernel, OPTIONS, asked) : crossed(kernel, axes);
  const edits = readEdits(flags, stimuli, machine);
  const paths = flags.machine ?? [];
  if (source.kind === 'log' && paths.length > 1)
    throw new ReprobeError('USAGE', 'A log is of one machine: give --machine once.');
  const others = source.kind === 'log' ? [] : paths;
  const machines = await Promise.all(
    others.map(async (name) => ({ name, machine: await readOtherMachine(name) })),
  );
  const variants = variantsOf(changes, machines, edits);
  if (variants.length <= RUNS_MAX) return variants;
  throw new ReprobeError('USAGE', `That makes ${variants.length} runs, more than ${RUNS_MAX}.`);
}

/** What the scenario expects, with its steps counted anew. */
function judged({ scenario, file }: LoadedSource, run: WhatIfRun): readonly Judged[] {
  if (scenario === null) return [];
  const { trace, violations, variant } = run;
  const expect = editExpectations(scenario.expect, variant.edit, scenario.steps.length);
  return judgeExpectations({ ...scenario, expect }, file, trace, violations);
}

/** Where the runs with another verdict than the source's part from it. */
function partsOf(base: Trace, runs: readonly WhatIfRun[]) {
  const [first] = runs;
  const isUnchanged = (run: WhatIfRun) => whatChanged(run.variant) === AS_IT_IS;
  const reference = runs.find(isUnchanged)?.row ?? null;
  return runs.flatMap((run, row) => {
    const isOther = reference === null || run.row.verdict !== reference.verdict;
    if (!isOther || (run === first && isUnchanged(run))) return [];
    const parting = whereRunsPart(base.events, run.trace.events);
    if (isSameRun(parting)) return [];
    const sides = { a: 'the source', b: `${run.row.kernel} ${whatChanged(run.variant)}` };
    const lines: readonly Line[] = [
      line(''),
      ...partingLines(parting, base.events, run.trace.events, sides),
    ];
    return [{ row, parting, lines }];
  });
}

/** What is asked of the source itself. */
interface Asked {
  readonly config: readonly string[];
  readonly machine: string | undefined;
  readonly evidence: readonly string[] | undefined;
  readonly boot: string | undefined;
}

/**
 * The command that shows the first violation of the table again: on the source where that shows it
 * too, which a log does that guides; else a token.
 */
function againOf(source: LoadedSource, runs: readonly WhatIfRun[], asked: Asked): string | null {
  const run = runs.find(({ row }) => row.violation !== null);
  const { violation = null } = run?.row ?? {};
  if (run === undefined || violation === null) return null;
  const { variant, trace } = run;
  if (variant.edit !== null || variant.machine !== null) return tokenCommand(trace);
  const isLog = source.kind === 'log';
  const shown = isLog
    ? violationsOf(source.rerun(variant.change).trace).find((one) => sameViolation(one, violation))
    : violation;
  if (shown === undefined) return tokenCommand(trace);
  const { config, ...beside } = asked;
  const flags = { ...flagsOf(variant.change, config), ...(isLog && beside) };
  return againCommand(source.file, flags, shown.event, pasteable(source) === null ? null : trace);
}

function readAxes(flags: {
  readonly kernel?: readonly string[] | undefined;
  readonly patch?: readonly string[] | undefined;
  readonly config?: readonly string[] | undefined;
}) {
  const config = emptyTable<string>();
  const file: string[] = [];
  for (const given of flags.config ?? []) {
    const option = optionNamed(given);
    if (option === null) file.push(given);
    else config[option[0]] = option[1];
  }
  return {
    axes: {
      kernels: (flags.kernel ?? []).map(releaseNamed),
      patches: (flags.patch ?? []).map(patchNamed),
      config,
    },
    file,
  };
}

function hasKeys(value: object): boolean {
  return Object.keys(value).length > 0;
}

function exitFor(rows: readonly WhatIfRow[]): number {
  if (rows.some(({ verdict }) => verdict === 'violates')) return EXIT.violated;
  return rows.some(({ verdict }) => verdict === 'diverges') ? EXIT.inconclusive : EXIT.holds;
}

/** The flags under which `replay` makes the same run. */
function flagsOf({ version, patches = {}, config = {} }: Change, files: readonly string[]) {
  return {
    kernel: version,
    patch: Object.entries(patches).map(([name, on]) => `${on ? '+' : '-'}${name}`),
    config: [...files, ...Object.entries(config).map(([name, value]) => `${name}=${value}`)],
  };
}
