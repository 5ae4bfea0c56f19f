import { Flags } from '@oclif/core';
import { foldAll } from '../engine/history.ts';
import type { Trace } from '../events/trace.ts';
import { INVARIANTS } from '../invariants/all.ts';
import { checkTrace } from '../invariants/checker.ts';
import type { Violation } from '../invariants/invariant.ts';
import { judgeExpectations } from '../report/expectations.ts';
import { finalState } from '../report/final-state.ts';
import { counted, type Line, line } from '../report/line.ts';
import { follower, MARKS, timeline } from '../report/timeline.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { joinSignedValues, unknown } from './kernel-flags.ts';
import { eventNumber } from './position.ts';
import { againCommand, painted } from './print.ts';
import { type LoadedSource, loadSource, sourceArg, sourceFlags } from './source.ts';
import { painter } from './terminal.ts';

/** Folds a source, checks the invariants on the way, and shows the timeline and the final state. */
export default class Replay extends BaseCommand {
  static override summary =
    'Show what happened, event by event, and check that the invariants hold.';
  static override args = { source: sourceArg };
  static override flags = {
    ...sourceFlags,
    to: Flags.string({ description: 'stop after this event', helpValue: 'N|TIME' }),
    follow: Flags.string({
      description: 'show only what is about this device or group',
      helpValue: 'DEVICE|GROUP',
    }),
    all: Flags.boolean({
      default: false,
      description: 'show every event, not only those that matter',
    }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Replay, joinSignedValues(this.argv));
    const source = await loadSource(args.source, flags);
    const { trace } = source;
    const last = trace.events.length - 1;
    const to = flags.to === undefined ? last : eventNumber(flags.to, trace);
    if (flags.follow !== undefined) checkFollowed(flags.follow, trace);
    const events = trace.events.slice(0, to + 1);
    const violations = checkTrace(trace.header, events);
    const divergences = source.divergences.filter(({ event }) => event <= to);
    const state = foldAll(events);
    if (violations.length > 0) process.exitCode = EXIT.violated;

    const paint = painter();
    const shown = timeline(trace, violations, {
      to,
      all: flags.all,
      follow: flags.follow ?? null,
    });
    const [first] = violations;
    this.log(
      painted(
        [
          ...shown.lines,
          ...(shown.leftOut === 0 ? [] : [leftOut(shown.leftOut, flags.follow)]),
          ...(trace.header.source === null ? [] : [line(MARKS, 'dim')]),
          line(''),
          line(stateHeading(to, trace), 'head'),
          ...finalState(state),
          ...contradicted(divergences.length),
          verdict(violations.length, events.length),
          ...(first === undefined
            ? []
            : [line(`again: ${againCommand(source.file, flags, first.event)}`)]),
        ],
        paint,
      ),
    );
    return {
      events: events.length,
      violations,
      divergences,
      expectations: flags.to === undefined ? expectationsOf(source, violations) : [],
      final: state,
    } satisfies ReplayJson;
  }
}

/** Whether a scenario is as it expects; nothing for other sources. */
function expectationsOf({ scenario, file, trace }: LoadedSource, found: readonly Violation[]) {
  return scenario === null ? [] : judgeExpectations(scenario, file, trace, found);
}

interface ReplayJson {
  readonly events: number;
  readonly violations: readonly object[];
  readonly divergences: LoadedSource['divergences'];
  readonly expectations: readonly object[];
  readonly final: object;
}

function leftOut(count: number, follow: string | undefined) {
  const rest = follow === undefined ? '--all shows them' : 'they are not about what is followed';
  return line(`${counted(count, 'event')} left out; ${rest}`, 'dim');
}

function stateHeading(to: number, { events }: Trace): string {
  if (to < 0) return 'nothing happened';
  return `state after event #${to} of ${counted(events.length, 'event')}`;
}

function contradicted(lines: number): readonly Line[] {
  if (lines === 0) return [];
  return [line(`the log contradicts the model in ${counted(lines, 'line')}`, 'bad')];
}

function verdict(violations: number, events: number) {
  if (violations > 0) return line(`violated: ${counted(violations, 'violation')}`, 'bad');
  const invariants = counted(INVARIANTS.length, 'invariant');
  return line(`holds: ${invariants} over ${counted(events, 'event')}`, 'good');
}

/** A name that no event mentions is a typing error. */
function checkFollowed(name: string, trace: Trace): void {
  const follows = follower(name);
  if (trace.events.some(({ event }) => follows(event))) return;
  const names = new Set<string>();
  for (const { event } of trace.events) {
    if ('dev' in event && typeof event.dev === 'string') names.add(event.dev);
    if ('group' in event) names.add(String(event.group));
  }
  throw unknown('device or group', name, [...names], null);
}
