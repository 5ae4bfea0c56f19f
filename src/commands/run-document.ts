/** What `run --json` prints: of one scenario and of many the same fields. */
import { foldAll } from '../engine/history.ts';
import type { ReprobeError } from '../error.ts';
import type { Trace } from '../events/trace.ts';
import type { Violation } from '../invariants/invariant.ts';
import type { Judged } from '../report/expectations.ts';
import type { Route } from '../report/routes.ts';
import type { StepResult, Surprise } from '../report/step-results.ts';
import type { ParsedScenario } from '../scenario/scenario.ts';

/** A scenario that was run. */
export interface Done {
  readonly kind: 'done';
  readonly file: string;
  readonly scenario: ParsedScenario;
  readonly trace: Trace;
  readonly violations: readonly Violation[];
  readonly expectations: readonly Judged[];
  readonly steps: readonly StepResult[];
  readonly surprises: readonly Surprise[];
  readonly warnings: readonly string[];
  /** Of a board that is given by its firmware: what became of the devices behind IOMMUs. */
  readonly routes: readonly Route[] | null;
  readonly ok: boolean;
}

/** A scenario that could not be run: it was not read, or it is none. */
export interface Refused {
  readonly kind: 'refused';
  readonly file: string;
  readonly error: ReprobeError;
}

/**
 * All scenarios together, and each by itself in `scenarios`. Of one, all of its fields are there; of many
 * there is no one final state, and what is wrong names its file.
 */
export function runDocument(all: readonly (Done | Refused)[]): object {
  const scenarios = all.map(documentOf);
  const [only] = scenarios;
  if (scenarios.length === 1 && only !== undefined) return { ...only, scenarios };
  const done = all.filter((one) => one.kind === 'done');
  const inFiles = <T extends object>(of: (one: Done) => readonly T[]) =>
    done.flatMap((one) => of(one).map((item) => ({ ...item, file: one.file })));
  return {
    ok: done.length === all.length && done.every(({ ok }) => ok),
    events: done.reduce((sum, { trace }) => sum + trace.events.length, 0),
    violations: inFiles(({ violations }) => violations),
    divergences: [],
    expectations: inFiles(({ expectations }) => expectations),
    final: null,
    scenarios,
  };
}

function documentOf(one: Done | Refused): object {
  if (one.kind === 'refused') {
    const { code, message, file, line: at, column, hint } = one.error;
    return { file: one.file, error: { code, message, file, line: at, column, hint } };
  }
  const { file, scenario, trace, violations, expectations, steps, warnings, routes, ok } = one;
  return {
    ...{ file, scenario: scenario.name, ok, warnings, events: trace.events.length, violations },
    divergences: [],
    ...{ steps, expectations },
    ...(routes === null ? {} : { routes }),
    final: foldAll(trace.events),
  };
}
