import { Args, Flags } from '@oclif/core';
import type { Change } from '../bisect/rerun.ts';
import { foldAll } from '../engine/history.ts';
import { ReprobeError, renderError } from '../error.ts';
import { isX86Iommu } from '../events/machine.ts';
import type { Trace } from '../events/trace.ts';
import { checkTrace } from '../invariants/checker.ts';
import type { Violation } from '../invariants/invariant.ts';
import type { Firmware } from '../model/firmware/firmware.ts';
import { matchesAny } from '../model/firmware/modalias.ts';
import { brokenCircles, withoutBrokenCircles } from '../report/circles.ts';
import { type Judged, judgeExpectations } from '../report/expectations.ts';
import { counted, type Line, line } from '../report/line.ts';
import { routeLines, routesOf } from '../report/routes.ts';
import { describeSurprise, stepResults, surprisingSteps } from '../report/step-results.ts';
import type { ParsedScenario } from '../scenario/scenario.ts';
import { BaseCommand } from './base.ts';
import { EXIT, exitFor } from './exit.ts';
import { joinSignedValues, readChange } from './kernel-flags.ts';
import { againCommand, painted } from './print.ts';
import { type Done, type Refused, runDocument } from './run-document.ts';
import { readScenario, runScenario, sourceFlags } from './source.ts';
import { escapeControls, painter } from './terminal.ts';
import { expectRun, readToken } from './token.ts';

/** Simulates scenarios and checks what they expect. */
export default class Run extends BaseCommand {
  static override summary = 'Run scenarios and check what they expect, or boot a board.';
  static override description =
    'A devicetree blob (also /sys/firmware/fdt) or an IORT is booted with a driver for every device, and ' +
    'each device behind an IOMMU is listed with its group, or with why it has none.';
  static override strict = false;
  static override args = {
    scenario: Args.string({
      description: 'a scenario, a devicetree blob or an IORT; more may follow',
    }),
  };
  static override flags = {
    kernel: sourceFlags.kernel,
    config: sourceFlags.config,
    patch: sourceFlags.patch,
    dmesg: Flags.boolean({
      default: false,
      description: 'print what the emulated kernel prints; the verdict goes to standard error',
    }),
    token: Flags.string({
      description: 'run what a line that ends with it was printed of',
      helpValue: 'TOKEN',
    }),
  };

  async run(): Promise<object> {
    const { argv, flags } = await this.parse(Run, joinSignedValues(this.argv));
    const change = await readChange(flags);
    if ((argv.length === 0) === (flags.token === undefined)) throw misused();
    const all: (Done | Refused)[] = [];
    if (flags.token !== undefined) {
      const one = outcomeOfToken(flags.token, change);
      all.push(one);
      this.say(one, flags);
    }
    for (const given of argv) {
      const path = String(given);
      const one = await outcomeOf(path, change);
      // One scenario that cannot be read is a failure like any other command's.
      if (one.kind === 'refused' && argv.length === 1) throw one.error;
      all.push(one);
      this.say(one, flags);
    }
    if (!flags.dmesg && all.length > 1) this.log(painted(total(all), painter()));
    const worst = Math.max(...all.map(exitOf));
    if (worst !== EXIT.holds) process.exitCode = worst;
    return runDocument(all);
  }

  /** Prints one outcome as soon as it is known: a refusal to where errors go. */
  private say(one: Done | Refused, flags: Flagged & { readonly dmesg: boolean }): void {
    if (one.kind === 'done') {
      const verdict = report(one, flags);
      if (flags.dmesg) {
        const lines = dmesgOf(one.trace);
        if (lines.length > 0) this.log(painted(lines, painter()));
        if (!this.jsonEnabled()) this.logToStderr(painted(verdict, painter()));
      } else if (verdict.length > 0) this.log(painted(verdict, painter()));
    } else if (!this.jsonEnabled()) this.logToStderr(renderError(one.error, escapeControls));
  }
}

/** Reads and runs one scenario; what is wrong with its file is a value here. */
async function outcomeOf(path: string, change: Change): Promise<Done | Refused> {
  try {
    const { file, scenario, firmware } = await readScenario(path);
    return doneWith(file, scenario, runScenario(scenario, change), firmware);
  } catch (error) {
    if (!(error instanceof ReprobeError)) throw error;
    const { code, message, file } = error;
    return {
      ...{ kind: 'refused', file: path },
      error: file === null ? new ReprobeError(code, message, { ...error, file: path }) : error,
    };
  }
}

function misused(): ReprobeError {
  return new ReprobeError('USAGE', 'run takes scenarios, or --token.', {
    hint: '`reprobe run SCENARIO…`, or `reprobe run --token TOKEN`',
  });
}

/** The run of a token, held against it unless another kernel is asked for. */
function outcomeOfToken(given: string, change: Change): Done {
  const token = readToken(given);
  const { kernel, machine, stimuli, choices } = token.inputs;
  const scenario: ParsedScenario = {
    ...{ name: 'token', title: '', story: '', kernel, machine, steps: stimuli, choices },
    ...{ expect: [], stepLines: [], expectLines: [] },
  };
  const trace = runScenario(scenario, change);
  if (Object.keys(change).length === 0) expectRun(token, trace.events);
  return { ...doneWith('', scenario, trace, null), warnings: [] };
}

function doneWith(
  file: string,
  scenario: ParsedScenario,
  trace: Trace,
  firmware: Firmware | null,
): Done {
  const violations = checkTrace(trace.header, trace.events);
  const expectations = judgeExpectations(scenario, file, trace, violations);
  const steps = stepResults(trace);
  return {
    kind: 'done',
    ...{ file, scenario, trace, violations, expectations, steps },
    surprises: surprisingSteps(scenario, steps),
    warnings: firmware === null ? warningsOf(scenario) : brokenCircles(violations),
    routes:
      firmware === null ? null : routesOf(scenario.machine, foldAll(trace.events), firmware.unmade),
    ok: isOk(
      scenario,
      expectations,
      firmware === null ? violations : withoutBrokenCircles(violations),
    ),
  };
}

/** A scenario that can hardly fail says little when it does not. */
function warningsOf({ steps, expect, machine }: ParsedScenario): readonly string[] {
  const lonely = machine.devices.filter(
    ({ ids, iommu_kind: kind }) =>
      kind !== undefined &&
      !isX86Iommu(kind) &&
      kind !== 'virtio-iommu' &&
      !machine.drivers.some((driver) => matchesAny(driver.ids, ids)),
  );
  return [
    ...lonely.map(({ name, ids }) => `no driver matches the IOMMU ${name} (ids: ${ids.join(' ')})`),
    ...(steps.length === 0 ? ['nothing happens: it has no steps, such as - boot'] : []),
    ...(expect.length === 0 ? ['nothing is expected: it has no expect, such as - holds: all'] : []),
  ];
}

function exitOf(one: Done | Refused): number {
  if (one.kind === 'refused') return exitFor(one.error);
  return one.ok ? EXIT.holds : EXIT.violated;
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
  const { file, scenario, trace, violations, expectations, surprises, warnings, routes, ok } = done;
  const [first] = routes === null ? violations : withoutBrokenCircles(violations);
  const missed = expectations.filter((one) => !one.ok);
  const unexpected = ok || first === undefined || missed.length > 0 ? [] : [first];
  const shown = [...missed, ...unexpected, ...surprises, ...violations].find(hasEvent);
  const at = shown?.event ?? trace.events.length - 1;
  return [
    line(
      `${ok ? 'ok' : 'FAILED'}  ${scenario.name} (${counted(trace.events.length, 'event')})`,
      ok ? 'good' : 'bad',
    ),
    ...warnings.map((warning) => line(`  warning ${warning}`, 'head')),
    ...surprises.map((one) => line(`  note    ${describeSurprise(one)}`)),
    ...expectations.map(({ expect, ok: isMet, found }) =>
      isMet ? line(`  ok      ${expect}`) : line(`  FAILED  ${expect}: ${found}`, 'bad'),
    ),
    ...unexpected.map((one) =>
      line(`  FAILED  no violation: #${one.event}: ${one.message}`, 'bad'),
    ),
    ...(routes === null ? [] : routeLines(routes)),
    ...(ok ? [] : [line(`again: ${againCommand(file, flags, at, trace)}`)]),
  ];
}

function hasEvent({ event }: { readonly event: number | null }): boolean {
  return event !== null;
}

function total(all: readonly (Done | Refused)[]): readonly Line[] {
  const failed = all.filter((one) => one.kind === 'done' && !one.ok).length;
  const refused = all.filter(({ kind }) => kind === 'refused').length;
  const unread = refused === 0 ? '' : `, ${refused} not read`;
  const what = `${counted(all.length, 'scenario')}, ${failed} failed${unread}`;
  return [line(''), line(what, failed + refused === 0 ? 'good' : 'bad')];
}
