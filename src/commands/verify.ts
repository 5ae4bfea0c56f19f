import { Args, Flags } from '@oclif/core';
import { CHECKS, type CheckName, type Mismatch } from '../verify/tally.ts';
import { type Verdict, verifySession } from '../verify/verify.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { readSessionFolder, readTwin } from './read-session.ts';
import { escapeControls, table } from './terminal.ts';

type Counts = Record<CheckName, { ok: number; of: number }>;

/** What `verify --json` prints. */
interface Report {
  readonly checks: Counts;
  readonly mismatches: readonly (Mismatch & { readonly session: string })[];
  readonly sessions: readonly { readonly session: string; readonly checks: Verdict['checks'] }[];
}

export default class Verify extends BaseCommand {
  static override summary =
    'Emulate a recorded session of a real kernel and compare what was observed.';
  static override description =
    'Reads the inputs of the recording (firmware tables, PCI configuration, drivers, configuration, ' +
    'command line, actions), emulates them, and compares: devices with their drivers and groups ' +
    'after each action, exit statuses and errnos, every owner_cnt and return value that kprobes ' +
    'recorded, module use counts, and the kernel messages in order.';
  static override strict = false;
  static override args = {
    folder: Args.string({
      description: 'folder of a recorded session; several are fine',
      required: true,
    }),
  };
  static override flags = {
    all: Flags.boolean({ description: 'print every mismatch, not only the first of a kind' }),
  };
  static override examples = ['<%= config.bin %> verify recordings/vfio-plain'];

  async run(): Promise<object> {
    const { argv, flags } = await this.parse(Verify);
    const verdicts: Verdict[] = [];
    for (const folder of argv.map(String)) {
      const session = await readSessionFolder(folder);
      const verdict = verifySession(session, await readTwin(folder));
      verdicts.push(verdict);
      if (!this.jsonEnabled()) this.log(describe(verdict, flags.all));
    }
    const report = reportOf(verdicts);
    const counts = Object.values(report.checks);
    if (counts.every(({ of }) => of === 0)) process.exitCode = EXIT.inconclusive;
    else if (counts.some(({ ok, of }) => ok < of)) process.exitCode = EXIT.violated;
    return report;
  }
}

function reportOf(verdicts: readonly Verdict[]): Report {
  const total = (check: CheckName) => ({
    ok: verdicts.reduce((sum, { checks }) => sum + checks[check].ok, 0),
    of: verdicts.reduce((sum, { checks }) => sum + checks[check].of, 0),
  });
  return {
    checks: {
      driver: total('driver'),
      group: total('group'),
      status: total('status'),
      errno: total('errno'),
      owner: total('owner'),
      kprobe: total('kprobe'),
      module: total('module'),
      message: total('message'),
    },
    mismatches: verdicts.flatMap(({ session, mismatches }) =>
      mismatches.map((mismatch) => ({ ...mismatch, session })),
    ),
    sessions: verdicts.map(({ session, checks }) => ({ session, checks })),
  };
}

/** The counts, then the mismatches; those that differ in the moment only count as one. */
function describe({ session, checks, mismatches }: Verdict, all: boolean): string {
  const rows = CHECKS.map((check) => {
    const { ok, of } = checks[check];
    return [
      check,
      `${ok}`,
      `${of}`,
      of === 0 ? 'nothing recorded' : ok === of ? 'equal' : 'differs',
    ];
  });
  const counted = table(rows, [
    { heading: 'check' },
    { heading: 'equal', align: 'right' },
    { heading: 'of', align: 'right' },
    { heading: '' },
  ]);
  const listed = all ? mismatches.map((m) => lineOf(m, 1)) : distinct(mismatches);
  return [escapeControls(session), counted, ...listed, ''].join('\n');
}

function distinct(mismatches: readonly Mismatch[]): readonly string[] {
  const groups = new Map<string, { first: Mismatch; count: number }>();
  for (const mismatch of mismatches) {
    const { check, subject, expected, actual } = mismatch;
    const key = JSON.stringify([check, subject, expected, actual]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { first: mismatch, count: 1 });
    else known.count += 1;
  }
  return [...groups.values()].map(({ first, count }) => lineOf(first, count));
}

function lineOf({ check, at, subject, expected, actual }: Mismatch, count: number): string {
  const times = count === 1 ? '' : ` (${count} times)`;
  const said = `kernel ${say(expected)}, emulated ${say(actual)}`;
  return escapeControls(`  ${check}, ${at}: ${subject}: ${said}${times}`);
}

function say(value: unknown): string {
  return value === null ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value);
}
