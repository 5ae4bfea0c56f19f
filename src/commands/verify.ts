import { Args, Flags } from '@oclif/core';
import { verifyLines } from '../report/verify-lines.ts';
import type { CheckName, Mismatch } from '../verify/tally.ts';
import { type Verdict, verifySession } from '../verify/verify.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { painted } from './print.ts';
import { readSessionFolder, readTwin } from './read-session.ts';
import { painter } from './terminal.ts';

type Counts = Record<CheckName, { ok: number; of: number }>;

/** What `verify --json` prints. */
interface Report {
  readonly checks: Counts;
  readonly mismatches: readonly (Mismatch & { readonly session: string })[];
  readonly sessions: readonly Pick<Verdict, 'session' | 'checks' | 'schedule'>[];
}

export default class Verify extends BaseCommand {
  static override summary =
    'Emulate a recorded session of a real kernel and compare what was observed.';
  static override description =
    'Reads the inputs of the recording (firmware tables, PCI configuration, drivers, configuration, ' +
    'command line, actions), emulates them, and compares: devices with their drivers and groups ' +
    'after each action, exit statuses and errnos, every owner_cnt and return value that kprobes ' +
    'recorded, module use counts, and the kernel messages in order. Where asynchronous work made ' +
    'the recorded run differ from the default schedule, a schedule that gives it is looked for.';
  static override strict = false;
  static override args = {
    folder: Args.string({
      description: 'folder of a recorded session; several are fine',
      required: true,
    }),
  };
  static override flags = {
    all: Flags.boolean({
      description: 'print every mismatch, not only the first of a kind and ten of a check',
    }),
  };
  static override examples = ['<%= config.bin %> verify recordings/vfio-plain'];

  async run(): Promise<object> {
    const { argv, flags } = await this.parse(Verify);
    const verdicts: Verdict[] = [];
    for (const folder of argv.map(String)) {
      const session = await readSessionFolder(folder);
      const verdict = verifySession(session, await readTwin(folder));
      verdicts.push(verdict);
      if (!this.jsonEnabled()) this.log(`${painted(verifyLines(verdict, flags.all), painter())}\n`);
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
      link: total('link'),
      deferred: total('deferred'),
      message: total('message'),
    },
    mismatches: verdicts.flatMap(({ session, mismatches }) =>
      mismatches.map((mismatch) => ({ ...mismatch, session })),
    ),
    sessions: verdicts.map(({ session, checks, schedule }) => ({ session, checks, schedule })),
  };
}
