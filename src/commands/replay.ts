import { Flags } from '@oclif/core';
import { reasonOf } from '../bisect/doubt.ts';
import { foldAll } from '../engine/history.ts';
import type { Trace } from '../events/trace.ts';
import { INVARIANTS } from '../invariants/all.ts';
import { checkTrace } from '../invariants/checker.ts';
import type { Violation } from '../invariants/invariant.ts';
import { judgeExpectations } from '../report/expectations.ts';
import { finalState } from '../report/final-state.ts';
import { counted, type Line, line } from '../report/line.ts';
import { follower, MARKS, type Timeline, timeline } from '../report/timeline.ts';
import { violated } from '../report/violated.ts';
import { BaseCommand } from './base.ts';
import { deviceNamed } from './device-name.ts';
import { EXIT } from './exit.ts';
import { joinSignedValues, unknown } from './kernel-flags.ts';
import { eventNumber } from './position.ts';
import { againCommand, painted } from './print.ts';
import { type LoadedSource, loadSource, pasteable, sourceArg, sourceFlags } from './source.ts';
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
    const follow = flags.follow === undefined ? null : deviceNamed(flags.follow);
    if (follow !== null) checkFollowed(follow, trace);
    const events = trace.events.slice(0, to + 1);
    const violations = checkTrace(trace.header, events);
    const divergences = source.divergences.filter(({ event }) => event <= to);
    const state = foldAll(events);
    const doubts = to < last ? [] : source.doubts;
    process.exitCode = exitFor(violations, doubts);

    const paint = painter();
    const shown = timeline(trace, violations, { to, all: flags.all, follow });
    const [first] = violations;
    this.log(
      painted(
        [
          ...shown.lines,
          ...leftOut(shown, follow),
          ...(trace.header.source === null ? [] : [line(MARKS, 'dim')]),
          line(''),
          line(stateHeading(to, trace), 'head'),
          ...finalState(state),
          ...contradicted(divergences),
          verdict(violations, events.length, doubts),
          ...(first === undefined
            ? []
            : [line(`again: ${againCommand(source.file, flags, first.event, pasteable(source))}`)]),
        ],
        paint,
      ),
    );
    return {
      events: events.length,
      violations,
      divergences,
      doubts,
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
  readonly doubts: readonly string[];
  readonly expectations: readonly object[];
  readonly final: object;
}

function leftOut(shown: Timeline, follow: string | null): readonly Line[] {
  const events = counted(shown.leftOut, 'event');
  const others = counted(shown.violationsLeftOut, 'violation');
  const rest = follow === null ? '--all shows them' : `they are not about ${follow}`;
  return [
    ...(shown.leftOut === 0 ? [] : [line(`${events} left out; ${rest}`, 'dim')]),
    ...(shown.violationsLeftOut === 0 ? [] : [line(`${others} of others left out`, 'dim')]),
  ];
}

function stateHeading(to: number, { events }: Trace): string {
  if (to < 0) return 'nothing happened';
  const last = events.length - 1;
  return `state after event #${to}, ${to === last ? 'the last' : `the last is #${last}`}`;
}

function contradicted(divergences: LoadedSource['divergences']): readonly Line[] {
  const beside = divergences.filter(({ evidence }) => evidence !== undefined).length;
  const lines = divergences.length - beside;
  const inLog = `the log contradicts the model in ${counted(lines, 'line')}`;
  const inFiles = `files beside the log contradict the model in ${counted(beside, 'place')}`;
  return [
    ...(lines === 0 ? [] : [line(inLog, 'bad')]),
    ...(beside === 0 ? [] : [line(inFiles, 'bad')]),
  ];
}

function exitFor(violations: readonly unknown[], doubts: readonly unknown[]): number {
  if (violations.length > 0) return EXIT.violated;
  return doubts.length > 0 ? EXIT.inconclusive : EXIT.holds;
}

function verdict(violations: readonly Violation[], events: number, doubts: readonly string[]) {
  if (violations.length > 0) return line(`violated: ${violated(violations)}`, 'bad');
  if (doubts.length > 0) return line(`inconclusive: ${reasonOf(doubts)}`, 'bad');
  const invariants = counted(INVARIANTS.length, 'invariant');
  return line(`holds: ${invariants} over ${counted(events, 'event')}`, 'good');
}

/** A name that no event mentions is a typing error. */
function checkFollowed(name: string, trace: Trace): void {
  const { follows } = follower(name);
  if (trace.events.some(({ event }) => follows(event))) return;
  const names = new Set<string>();
  for (const { event } of trace.events) {
    if ('dev' in event && typeof event.dev === 'string') names.add(event.dev);
    if ('group' in event) names.add(String(event.group));
  }
  throw unknown('device or group', name, [...names], null);
}
