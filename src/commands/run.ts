import { Args, Flags } from '@oclif/core';
import { foldAll } from '../engine/history.ts';
import type { Trace } from '../events/trace.ts';
import { checkTrace } from '../invariants/checker.ts';
import type { Violation } from '../invariants/invariant.ts';
import { type Judged, judgeExpectations } from '../report/expectations.ts';
import { counted, type Line, line } from '../report/line.ts';
import type { ParsedScenario } from '../scenario/scenario.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { joinSignedValues, readChange } from './kernel-flags.ts';
import { againCommand, painted } from './print.ts';
import { readScenario, runScenario, sourceFlags } from './source.ts';
import { painter } from './terminal.ts';

/** A scenario that was run. */
interface Done {
  readonly file: string;
  readonly scenario: ParsedScenario;
  readonly trace: Trace;
  readonly violations: readonly Violation[];
  readonly expectations: readonly Judged[];
  readonly ok: boolean;
}

/** Simulates scenarios and checks what they expect. */
export default class Run extends BaseCommand {
  static override summary = 'Run scenarios and check what they expect.';
  static override strict = false;
  static override args = {
    scenario: Args.string({ required: true, description: 'a scenario; more may follow' }),
  };
  static override flags = {
    kernel: sourceFlags.kernel,
    config: sourceFlags.config,
    patch: sourceFlags.patch,
    dmesg: Flags.boolean({ default: false, description: 'print what the emulated kernel prints' }),
  };

  async run(): Promise<object> {
    const { argv, flags } = await this.parse(Run, joinSignedValues(this.argv));
    const change = await readChange(flags);
    const done: Done[] = [];
    for (const path of argv) {
      const { file, scenario } = await readScenario(String(path));
      const trace = runScenario(scenario, change);
      const violations = checkTrace(trace.header, trace.events);
      const expectations = judgeExpectations(scenario, file, trace, violations);
      const ok = isOk(scenario, expectations, violations);
      done.push({ file, scenario, trace, violations, expectations, ok });
    }
    if (done.some(({ ok }) => !ok)) process.exitCode = EXIT.violated;
    const lines = done.flatMap((one) => (flags.dmesg ? dmesgOf(one.trace) : report(one, flags)));
    this.log(painted([...lines, ...total(done, flags.dmesg)], painter()));
    const [only] = done;
    const documents = done.map(documentOf);
    return done.length === 1 && only !== undefined ? documentOf(only) : { scenarios: documents };
  }
}

/** A scenario that expects a violation is about a bug; any other must not violate anything. */
function isOk(
  { expect }: ParsedScenario,
  judged: readonly Judged[],
  violations: readonly Violation[],
): boolean {
  const expectsBug = expect.some(({ kind }) => kind === 'violation');
  return judged.every(({ ok }) => ok) && (expectsBug || violations.length === 0);
}

function dmesgOf({ events }: Trace): readonly Line[] {
  return events.flatMap(({ event }) => (event.type === 'printk' ? [line(event.text)] : []));
}

type Flagged = Parameters<typeof againCommand>[1];

function report(done: Done, flags: Flagged): readonly Line[] {
  const { file, scenario, trace, violations, expectations, ok } = done;
  const [first] = violations;
  const surprises = ok || first === undefined || expectations.some((one) => !one.ok) ? [] : [first];
  return [
    line(
      `${ok ? 'ok' : 'FAILED'}  ${scenario.name} (${counted(trace.events.length, 'event')})`,
      ok ? 'good' : 'bad',
    ),
    ...expectations.map(({ expect, ok: isMet, found }) =>
      isMet ? line(`  ok      ${expect}`) : line(`  FAILED  ${expect}: ${found}`, 'bad'),
    ),
    ...surprises.map((one) => line(`  FAILED  no violation: #${one.event}: ${one.message}`, 'bad')),
    ...(ok
      ? []
      : [line(`again: ${againCommand(file, flags, first?.event ?? trace.events.length - 1)}`)]),
  ];
}

function total(done: readonly Done[], isDmesg: boolean): readonly Line[] {
  if (isDmesg || done.length < 2) return [];
  const failed = done.filter(({ ok }) => !ok).length;
  const what = `${counted(done.length, 'scenario')}, ${failed} failed`;
  return [line(''), line(what, failed === 0 ? 'good' : 'bad')];
}

function documentOf({ file, scenario, trace, violations, expectations, ok }: Done): object {
  return {
    file,
    scenario: scenario.name,
    ok,
    events: trace.events.length,
    violations,
    divergences: [],
    expectations,
    final: foldAll(trace.events),
  };
}
