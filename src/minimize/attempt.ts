/** One run of a draft, watched for one violation. */
import { createRun, type Run, withoutDefaults } from '../engine/run.ts';
import type { Recorded } from '../events/event.ts';
import { type Single, singlesOf } from '../events/stimulus.ts';
import type { Inputs } from '../events/trace.ts';
import { type Checker, createChecker } from '../invariants/checker.ts';
import type { Invariant, Violation } from '../invariants/invariant.ts';
import type { ReadState } from '../model/state/state.ts';
import { type Draft, type DraftStep, groupNamed, withGroup, withSingles } from './draft.ts';
import { type Follower, followSchedule } from './schedule.ts';
import { type Subject, subjectOf } from './subject.ts';

/** What is looked for. */
export interface Wanted {
  readonly invariant: Invariant;
  /** Is it this one? */
  readonly isIt: (violation: Violation, subject: Subject) => boolean;
}

/** A run that is what is looked for. */
export interface Hit {
  readonly inputs: Inputs;
  /** The same inputs, with the groups and the schedule told by name. */
  readonly draft: Draft;
  /** Null where not a violation is looked for, but what somebody else finds interesting. */
  readonly violation: Violation | null;
  readonly subject: Subject | null;
}

/** A run that has the violation that is looked for, cut off behind it. */
export interface Violating extends Hit {
  readonly violation: Violation;
  readonly subject: Subject;
}

/** Above what a run of any scenario comes to. */
const EVENTS_MAX = 1_000_000;

interface Found {
  readonly violation: Violation;
  readonly subject: Subject;
  /** Choices made and switches done up to the event. */
  readonly choices: number;
  readonly switches: number;
}

/**
 * Runs a draft up to the stimulus that breaks what is wanted. What was given behind it, and what was
 * chosen behind the event, is left out of the result: it cannot matter any more.
 *
 * Cost: one run, which checks one invariant.
 *
 * @returns null where it is not broken.
 * @throws ReprobeError TOO_LARGE for a run that does not end, UNKNOWN_NAME for a patch.
 */
export function attempt(draft: Draft, wanted: Wanted): Violating | null {
  const { kernel, machine } = draft;
  const follower = followSchedule(draft.schedule);
  let checker: Checker | null = null;
  let found: Found | null = null;
  const run = createRun(
    { kernel, machine },
    {
      choose: follower.choose,
      eventsMax: EVENTS_MAX,
      onEvent(recorded, index, state) {
        follower.onEvent(recorded.event);
        if (found !== null) return;
        checker ??= createChecker({ kernel, machine }, state, [wanted.invariant]);
        for (const violation of checker.onEvent(recorded, index)) {
          const subject = subjectOf(violation.subject, recorded.event, state, machine);
          if (found !== null || !wanted.isIt(violation, subject)) continue;
          const switches = follower.switches.length;
          found = { violation, subject, choices: follower.made(), switches };
        }
      },
    },
  );
  const isFound = (): Found | null => found;
  const steps = give(run, draft, () => isFound() !== null);
  const end = isFound();
  if (end === null) return null;
  const { violation, subject } = end;
  return { ...resultOf(draft, run, steps, follower, end), violation, subject };
}

/**
 * Runs all of a draft, whatever it breaks: what it is as inputs.
 *
 * @throws ReprobeError as `attempt` does.
 */
export function settle(draft: Draft): Hit {
  const { kernel, machine, schedule } = draft;
  const { choose, ...follower } = followSchedule(schedule);
  const onEvent = ({ event }: Recorded): void => follower.onEvent(event);
  const run = createRun({ kernel, machine }, { choose, eventsMax: EVENTS_MAX, onEvent });
  const steps = give(run, draft, () => false);
  const all = { choices: follower.made(), switches: follower.switches.length };
  return { ...resultOf(draft, run, steps, follower, all), violation: null, subject: null };
}

/** Gives a run its stimuli until it is over; returns those that were given. */
function give(run: Run, { steps }: Draft, isOver: () => boolean): readonly DraftStep[] {
  const given: DraftStep[] = [];
  for (const step of steps) {
    const now = resolved(step, run);
    given.push(now);
    run.give(now.stimulus);
    if (isOver()) break;
  }
  return given;
}

/** Choices and switches up to an event are all that counts; behind the last one is the default. */
function resultOf(
  { kernel, machine }: Draft,
  run: Run,
  steps: readonly DraftStep[],
  follower: Pick<Follower, 'switches'>,
  upTo: Pick<Found, 'choices' | 'switches'>,
): Pick<Hit, 'inputs' | 'draft'> {
  const made = run.scheduler.choices.slice(0, upTo.choices);
  const choices = withoutDefaults(made);
  const stimuli = steps.map(({ stimulus }) => stimulus);
  const switches = follower.switches.slice(0, upTo.switches);
  return {
    inputs: { kernel, machine, stimuli, choices },
    draft: { kernel, machine, steps, schedule: { kind: 'switches', switches } },
  };
}

/** The step with the numbers that its groups have now, or with the devices that tell its groups. */
function resolved({ stimulus, groupOf }: DraftStep, { state }: Run): DraftStep {
  const now = withSingles(stimulus, (step, at) => {
    const group = state.devices[groupOf[at] ?? '']?.iommu_group ?? null;
    return group === null || groupNamed(step) === null ? step : withGroup(step, group);
  });
  const told = singlesOf(stimulus).map((step, at) => groupOf[at] ?? memberOf(step, state));
  return { stimulus: now ?? stimulus, groupOf: told };
}

/** A device of the group that the step names: its own, if that is in it. */
function memberOf(step: Single, { groups }: ReadState): string | null {
  const members = groups[groupNamed(step) ?? '']?.devices ?? [];
  const dev = step.do === 'vfio' ? step.dev : null;
  return dev !== null && members.includes(dev) ? dev : (members[0] ?? null);
}
