/** Whether a run is as its scenario expects. */
import { createHistory, type History, stateAfter } from '../engine/history.ts';
import { ReprobeError } from '../error.ts';
import { errnoName } from '../events/errno.ts';
import type { Trace } from '../events/trace.ts';
import { findInvariant, INVARIANTS } from '../invariants/all.ts';
import type { Violation } from '../invariants/invariant.ts';
import type { ReadState } from '../model/state/state.ts';
import type { Expectation, ParsedScenario } from '../scenario/scenario.ts';
import { shown } from './line.ts';

export interface Judged {
  /** The expectation in words. */
  readonly expect: string;
  readonly ok: boolean;
  /** What was found instead; null when it is as expected. */
  readonly found: string | null;
}

/** What an expectation can be compared with. */
interface Outcome {
  readonly trace: Trace;
  readonly history: History;
  readonly violations: readonly Violation[];
  /** `stepEnds[i]`: how many events there were when step i, from 0, was over. */
  readonly stepEnds: readonly number[];
}

/**
 * Judges every expectation of the scenario.
 *
 * @throws ReprobeError UNKNOWN_NAME when an expectation names an invariant that there is not.
 */
export function judgeExpectations(
  scenario: ParsedScenario,
  file: string,
  trace: Trace,
  violations: readonly Violation[],
): readonly Judged[] {
  for (const [i, expectation] of scenario.expect.entries())
    checkName(expectation, file, scenario.expectLines[i] ?? null);
  const history = createHistory(trace.events);
  const outcome = { trace, history, violations, stepEnds: stepEndsOf(trace) };
  return scenario.expect.map((expectation) => {
    const found = wrongWith(expectation, outcome);
    return { expect: describe(expectation), ok: found === null, found };
  });
}

function checkName(expectation: Expectation, file: string, line: number | null): void {
  if (expectation.kind !== 'violation' && expectation.kind !== 'holds') return;
  const { invariant } = expectation;
  if (invariant === null || findInvariant(invariant) !== undefined) return;
  throw new ReprobeError('UNKNOWN_NAME', `There is no invariant '${invariant}'.`, {
    file,
    line,
    hint: `known: ${INVARIANTS.map(({ id }) => id).join(', ')}`,
  });
}

function stepEndsOf({ events }: Trace): readonly number[] {
  const starts = events.flatMap(({ event }, n) => (event.type === 'task.started' ? [n] : []));
  return [...starts.slice(1), events.length];
}

/** What is found instead, in words; null when it is as expected. */
function wrongWith(expectation: Expectation, outcome: Outcome): string | null {
  switch (expectation.kind) {
    case 'violation':
    case 'holds':
      return wrongViolation(expectation, outcome.violations);
    case 'returns':
      return wrongReturn(expectation, outcome);
    case 'prints':
    case 'silent': {
      const line = outcome.trace.events.find(
        ({ event }) => event.type === 'printk' && event.text.includes(expectation.text),
      );
      if (expectation.kind === 'prints') return line === undefined ? 'no line says so' : null;
      return line?.event.type === 'printk' ? line.event.text : null;
    }
    default:
      return wrongState(expectation, stateAt(outcome, expectation.after));
  }
}

type OfViolations = Extract<Expectation, { kind: 'violation' | 'holds' }>;

function wrongViolation(
  expectation: OfViolations,
  violations: readonly Violation[],
): string | null {
  const { invariant } = expectation;
  const id = invariant === null ? null : findInvariant(invariant)?.id;
  const subject = expectation.kind === 'violation' ? expectation.subject : null;
  const found = violations.find(
    (one) => (id === null || one.invariant === id) && (subject === null || one.subject === subject),
  );
  if (expectation.kind === 'violation') return found === undefined ? 'it holds' : null;
  return found === undefined ? null : `#${found.event}: ${found.message}`;
}

function wrongReturn(
  { step, ret }: Extract<Expectation, { kind: 'returns' }>,
  { trace, stepEnds }: Outcome,
): string | null {
  const own = trace.events.slice(step === 1 ? 0 : stepEnds[step - 2], stepEnds[step - 1]);
  const task = own[0]?.task;
  const calls = own.flatMap(({ event }) => (event.type === 'syscall.returned' ? [event.ret] : []));
  const ends = own.flatMap(({ event, task: by }) =>
    event.type === 'task.finished' && by === task ? [event.ret] : [],
  );
  const returned = calls.find((one) => one !== 0) ?? calls[0] ?? ends[0];
  if (returned === ret) return null;
  return returned === undefined ? 'it did not return' : `it returned ${errnoName(returned)}`;
}

function stateAt({ history, trace, stepEnds }: Outcome, after: number | null): ReadState {
  const count = after === null ? trace.events.length : stepEnds[after - 1];
  return stateAfter(history, count ?? trace.events.length);
}

type OfState = Extract<
  Expectation,
  { kind: 'driver' | 'group' | 'owner_cnt' | 'domain' | 'deferred' }
>;

function wrongState(expectation: OfState, state: ReadState): string | null {
  const value = stateValue(expectation, state);
  return value === expectation.is ? null : `it is ${shown(value)}`;
}

function stateValue(expectation: OfState, state: ReadState): unknown {
  switch (expectation.kind) {
    case 'owner_cnt':
      return state.groups[expectation.group]?.owner_cnt;
    case 'domain':
      return state.groups[expectation.group]?.default_domain;
    default: {
      const device = state.devices[expectation.dev];
      if (expectation.kind === 'driver') return device?.bound === true ? device.driver : null;
      if (expectation.kind === 'group') return device?.iommu_group ?? null;
      return device !== undefined && device.deferred !== 'none';
    }
  }
}

function describe(expectation: Expectation): string {
  switch (expectation.kind) {
    case 'violation': {
      const { subject, invariant } = expectation;
      return `${invariant} is violated${subject === null ? '' : ` for ${subject}`}`;
    }
    case 'holds':
      return expectation.invariant === null
        ? 'all invariants hold'
        : `${expectation.invariant} holds`;
    case 'returns':
      return `step ${expectation.step} returns ${errnoName(expectation.ret)}`;
    case 'prints':
      return `prints ${JSON.stringify(expectation.text)}`;
    case 'silent':
      return `does not print ${JSON.stringify(expectation.text)}`;
    default: {
      const { kind, is, after } = expectation;
      const of = 'dev' in expectation ? expectation.dev : `group ${expectation.group}`;
      const when = after === null ? '' : ` after step ${after}`;
      return `${kind} of ${of} is ${shown(is)}${when}`;
    }
  }
}
