/** One run of a draft, watched for one violation. */
import { createRun, type Run } from '../engine/run.ts';
import type { Inputs } from '../events/trace.ts';
import { type Checker, createChecker } from '../invariants/checker.ts';
import type { Invariant, Violation } from '../invariants/invariant.ts';
import { type Draft, type DraftStep, groupNamed, withGroup } from './draft.ts';
import { followSchedule } from './schedule.ts';
import { type Subject, subjectOf } from './subject.ts';

/** What is looked for. */
export interface Wanted {
  readonly invariant: Invariant;
  /** Is it this one? */
  readonly isIt: (violation: Violation, subject: Subject) => boolean;
}

/** A run that has what is looked for, cut off behind it. */
export interface Hit {
  readonly inputs: Inputs;
  /** The same inputs, with the groups and the schedule told by name. */
  readonly draft: Draft;
  readonly violation: Violation;
  readonly subject: Subject;
}

/** Above what a run of any scenario comes to. */
const EVENTS_MAX = 1_000_000;

/**
 * Runs a draft up to the stimulus that breaks what is wanted. What was given behind it, and what was
 * chosen behind the event, is left out of the result: it cannot matter any more.
 *
 * Cost: one run, which checks one invariant.
 *
 * @returns null where it is not broken.
 * @throws ReprobeError TOO_LARGE for a run that does not end, UNKNOWN_NAME for a patch.
 */
export function attempt(draft: Draft, wanted: Wanted): Hit | null {
  const { kernel, machine } = draft;
  const follower = followSchedule(draft.schedule);
  let checker: Checker | null = null;
  let found: { violation: Violation; subject: Subject; choices: number; switches: number } | null =
    null;
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
  const steps: DraftStep[] = [];
  for (const step of draft.steps) {
    const given = resolved(step, run);
    steps.push(given);
    run.give(given.stimulus);
    if (found !== null) return hitOf(draft, steps, run, found, follower.switches);
  }
  return null;
}

function hitOf(
  { kernel, machine }: Draft,
  steps: readonly DraftStep[],
  run: Run,
  found: { violation: Violation; subject: Subject; choices: number; switches: number },
  switches: readonly { task: string; after: string; nth: number; to: string }[],
): Hit {
  const { violation, subject } = found;
  const made = run.scheduler.choices.slice(0, found.choices);
  const choices = made.slice(0, made.findLastIndex((choice) => choice !== 0) + 1);
  const stimuli = steps.map(({ stimulus }) => stimulus);
  return {
    inputs: { kernel, machine, stimuli, choices },
    draft: {
      ...{ kernel, machine, steps },
      schedule: { kind: 'switches', switches: switches.slice(0, found.switches) },
    },
    violation,
    subject,
  };
}

/** The step with the number that its group has now, or with the device that tells its group. */
function resolved(step: DraftStep, { state }: Run): DraftStep {
  const { stimulus, groupOf } = step;
  const named = groupNamed(stimulus);
  if (named === null) return step;
  if (groupOf !== null) {
    const group = state.devices[groupOf]?.iommu_group ?? null;
    return group === null ? step : { stimulus: withGroup(stimulus, group), groupOf };
  }
  const members = state.groups[named]?.devices ?? [];
  const dev = stimulus.do === 'vfio' ? stimulus.dev : null;
  const told = dev !== null && members.includes(dev) ? dev : (members[0] ?? null);
  return { stimulus, groupOf: told };
}
