import { Flags } from '@oclif/core';
import type { Change } from '../bisect/rerun.ts';
import { allChanges, crossed, type WhatIfRow, whatIf } from '../bisect/whatif.ts';
import { ReprobeError } from '../error.ts';
import { emptyTable } from '../events/table.ts';
import { describeKernel } from '../model/versions/profile.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { joinSignedValues, optionNamed, patchNamed, releaseNamed } from './kernel-flags.ts';
import { againCommand } from './print.ts';
import { loadSource, sourceArg, sourceFlags } from './source.ts';
import { painter, table } from './terminal.ts';

/** Options worth trying both ways when nobody says which. */
const OPTIONS = ['DEBUG_TEST_DRIVER_REMOVE', 'MODULES'] as const;
const RUNS_MAX = 4096;
const DIVERGES =
  'diverges: nothing is violated, but the log is not one of that kernel: it says otherwise';

/** Runs the same inputs under other kernels. */
export default class WhatIf extends BaseCommand {
  static override summary = 'Run the same inputs under other kernels, as a table of verdicts.';
  static override description =
    'Each patch and each option is tried both ways, in all combinations, under each kernel.';
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
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(WhatIf, joinSignedValues(this.argv));
    const { axes, file } = readAxes(flags);
    const isEmpty = axes.kernels.length + axes.patches.length === 0 && !hasKeys(axes.config);
    if (isEmpty !== flags.all) {
      throw new ReprobeError(
        'USAGE',
        'whatif takes either --all, or at least one of --patch, --kernel and --config.',
      );
    }
    const source = await loadSource(args.source, {
      ...{ config: file, machine: flags.machine, evidence: flags.evidence },
      boot: flags.boot,
    });
    const { header, asked } = source.trace;
    const { kernel } = header;
    const changes = flags.all ? allChanges(kernel, OPTIONS, asked) : crossed(kernel, axes);
    if (changes.length > RUNS_MAX) {
      throw new ReprobeError('USAGE', `That makes ${changes.length} runs, more than ${RUNS_MAX}.`);
    }
    const rows = whatIf(source.rerun, changes);
    process.exitCode = exitFor(rows);
    this.log(tableOfRows(rows, changes));
    if (rows.some(({ verdict }) => verdict === 'diverges')) this.log(DIVERGES);
    const first = rows.findIndex(({ violation }) => violation !== null);
    const event = rows[first]?.violation?.event;
    if (event !== undefined) {
      const { machine, evidence, boot } = flags;
      const again = { ...flagsOf(changes[first] ?? {}, file), machine, evidence, boot };
      this.log(`again: ${againCommand(source.file, again, event)}`);
    }
    return { runs: rows };
  }
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

function tableOfRows(rows: readonly WhatIfRow[], changes: readonly Change[]): string {
  const paint = painter();
  const cells = rows.map(({ verdict, violation, kernel }, i) => [
    describeKernel({ version: kernel, release: null }),
    settingsOf(changes[i] ?? {}),
    verdict,
    violation === null ? '' : `#${violation.event} ${violation.invariant}: ${violation.subject}`,
  ]);
  const verdictPaint = (cell: string) => {
    if (cell.startsWith('holds')) return paint('green', cell);
    return paint(cell.startsWith('violates') ? 'red' : 'yellow', cell);
  };
  return table(cells, [
    'kernel',
    'patches and options',
    { heading: 'verdict', paint: verdictPaint },
    'first violation',
  ]);
}

function settingsOf({ version, patches = {}, config = {} }: Change): string {
  const settings = [
    ...Object.entries(patches).map(([name, on]) => `${on ? '+' : '-'}${name}`),
    ...Object.entries(config).map(([name, value]) => `${name}=${value}`),
  ];
  return settings.join(' ') || (version === undefined ? 'as it is' : 'as shipped');
}

/** The flags under which `replay` makes the same run. */
function flagsOf({ version, patches = {}, config = {} }: Change, files: readonly string[]) {
  return {
    kernel: version,
    patch: Object.entries(patches).map(([name, on]) => `${on ? '+' : '-'}${name}`),
    config: [...files, ...Object.entries(config).map(([name, value]) => `${name}=${value}`)],
  };
}
