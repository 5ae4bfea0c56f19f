/** Whether a run is as its scenario expects. */
import { assert } from '../assert.ts';
import { createHistory, type History, stateAfter } from '../engine/history.ts';
import { errnoName } from '../events/errno.ts';
import type { Trace } from '../events/trace.ts';
import { findInvariant } from '../invariants/all.ts';
import type { Violation } from '../invariants/invariant.ts';
import type { ReadState } from '../model/state/state.ts';
import type { Expectation, ParsedScenario } from '../scenario/scenario.ts';
import { shown } from './line.ts';
import { describeReturn, type StepResult, stepEndsOf, stepResults } from './step-results.ts';

export interface Judged {
  /** The expectation in words. */
  readonly expect: string;
  readonly ok: boolean;
  /** What was found instead; null when it is as expected. */
  readonly found: string | null;
  /** The event at which that shows; null when it is as expected, or shows at no one event. */
  readonly event: number | null;
}

/** What an expectation can be compared with. */
interface Outcome {
  readonly trace: Trace;
  readonly history: History;
  readonly violations: readonly Violation[];
  /** `stepEnds[i]`: how many events there were when step i, from 0, was over. */
  readonly stepEnds: readonly number[];
  readonly results: readonly StepResult[];
}

/** Judges every expectation of the scenario, which was read from `file`. */
export function judgeExpectations(
  scenario: ParsedScenario,
  file: string,
  trace: Trace,
  violations: readonly Violation[],
): readonly Judged[] {
  for (const expectation of scenario.expect) assertNamed(expectation, file);
  const history = createHistory(trace.events);
  const times = { stepEnds: stepEndsOf(trace), results: stepResults(trace) };
  const outcome = { trace, history, violations, ...times };
  return scenario.expect.map((expectation) => {
    const wrong = wrongWith(expectation, outcome);
    const { found, event } = wrong ?? { found: null, event: null };
    return { expect: describe(expectation), ok: wrong === null, found, event };
  });
}

/** The reader of scenarios refuses names of invariants that there are not. */
function assertNamed(expectation: Expectation, file: string): void {
  if (expectation.kind !== 'violation' && expectation.kind !== 'holds') return;
  const { invariant } = expectation;
  const isNamed = invariant === null || findInvariant(invariant) !== undefined;
  assert(isNamed, `${file} expects something of an unknown invariant, ${invariant}`);
}

/** What is found instead, in words, and the event to look at, where there is one. */
interface Wrong {
  readonly found: string;
  readonly event: number | null;
}

/** Null when it is as expected. */
function wrongWith(expectation: Expectation, outcome: Outcome): Wrong | null {
  switch (expectation.kind) {
    case 'violation':
    case 'holds':
      return wrongViolation(expectation, outcome.violations);
    case 'returns':
      return wrongReturn(expectation, outcome);
    case 'answers':
      return wrongAnswer(expectation, outcome);
    case 'prints':
    case 'silent':
      return wrongPrint(expectation, outcome.trace);
    case 'dma':
      return wrongDma(expectation, outcome);
    default:
      return wrongState(expectation, outcome);
  }
}

type Of<K extends Expectation['kind']> = Extract<Expectation, { kind: K }>;

function wrongViolation(
  expectation: Of<'violation' | 'holds'>,
  violations: readonly Violation[],
): Wrong | null {
  const { invariant } = expectation;
  const id = invariant === null ? null : findInvariant(invariant)?.id;
  const subject = expectation.kind === 'violation' ? expectation.subject : null;
  const found = violations.find(
    (one) => (id === null || one.invariant === id) && (subject === null || one.subject === subject),
  );
  if (expectation.kind === 'violation') {
    return found === undefined ? { found: 'it holds', event: null } : null;
  }
  if (found === undefined) return null;
  return { found: `#${found.event}: ${found.message}`, event: found.event };
}

function wrongReturn({ step, ret }: Of<'returns'>, { results }: Outcome): Wrong | null {
  const result = results[step - 1];
  if (result === undefined) return { found: 'it never began', event: null };
  if (result.ret === ret) return null;
  return { found: `it ${describeReturn(result.ret)}`, event: result.event };
}

function wrongAnswer({ step, is }: Of<'answers'>, { results }: Outcome): Wrong | null {
  const result = results[step - 1];
  if (result === undefined) return { found: 'it never began', event: null };
  if (result.value === is) return null;
  return { found: `it is ${shown(result.value)}`, event: result.event };
}

function wrongPrint({ kind, text }: Of<'prints' | 'silent'>, { events }: Trace): Wrong | null {
  const at = events.findIndex(({ event }) => event.type === 'printk' && event.text.includes(text));
  const event = events[at]?.event;
  if (kind === 'prints') return at < 0 ? { found: 'no line says so', event: null } : null;
  return event?.type === 'printk' ? { found: event.text, event: at } : null;
}

function wrongDma(expectation: Of<'dma'>, { history, trace, stepEnds }: Outcome): Wrong | null {
  const { dev, is, why, snooped, after } = expectation;
  const count = after === null ? undefined : stepEnds[after - 1];
  const last = stateAfter(history, count ?? trace.events.length).last_dma[dev];
  const event = count === undefined ? null : count - 1;
  if (last === undefined) return { found: 'there was none', event };
  const isRight =
    last.result === is &&
    (why === undefined || last.why === why) &&
    (snooped === undefined || last.snooped === snooped);
  return isRight ? null : { found: `it was ${dmaText(last)}`, event };
}

interface DmaText {
  readonly why?: string | null;
  readonly snooped?: boolean | null;
}

function dmaText({ why, snooped, ...rest }: DmaText & { readonly result: string }): string {
  const reason = why === undefined || why === null ? '' : ` for its ${why}`;
  if (snooped === undefined || snooped === null) return `${rest.result}${reason}`;
  return `${rest.result}${reason}, ${snooped ? '' : 'not '}snooped`;
}

type OfState = Of<'driver' | 'group' | 'owner_cnt' | 'domain' | 'deferred'>;

function wrongState(expectation: OfState, { history, trace, stepEnds }: Outcome): Wrong | null {
  const { after } = expectation;
  const count = after === null ? undefined : stepEnds[after - 1];
  const value = stateValue(expectation, stateAfter(history, count ?? trace.events.length));
  if (value === expectation.is) return null;
  return { found: `it is ${shown(value)}`, event: count === undefined ? null : count - 1 };
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
    case 'answers':
      return `step ${expectation.step} is answered ${expectation.is}`;
    case 'prints':
      return `prints ${JSON.stringify(expectation.text)}`;
    case 'silent':
      return `does not print ${JSON.stringify(expectation.text)}`;
    case 'dma': {
      const { dev, is, after } = expectation;
      const when = after === null ? '' : ` after step ${after}`;
      return `DMA of ${dev}${when} is ${dmaText({ ...expectation, result: is })}`;
    }
    default: {
      const { kind, is, after } = expectation;
      const of = 'dev' in expectation ? expectation.dev : `group ${expectation.group}`;
      const when = after === null ? '' : ` after step ${after}`;
      return `${kind} of ${of} is ${shown(is)}${when}`;
    }
  }
}
