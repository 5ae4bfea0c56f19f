/** The outcome of a bisection as text: what broke, where, how the kernel got there, what helps. */

import type { Asked } from '../bisect/answers.ts';
import type { Cause } from '../bisect/causes.ts';
import type { BisectOutcome, Found } from '../bisect/outcome.ts';
import { type Answer, describeAnswer } from '../bisect/question.ts';
import { stimulusOf, type Verification } from '../bisect/verify.ts';
import type { Remedy, WhatChanges } from '../bisect/what-changes.ts';
import { describeEvent } from '../events/describe.ts';
import type { Recorded } from '../events/event.ts';
import { describeStimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import { findInvariant } from '../invariants/all.ts';
import { describeKernel } from '../model/versions/profile.ts';
import { aligned, counted, type Line, line, shown } from './line.ts';
import { seconds } from './timeline.ts';

export interface Story {
  readonly trace: Trace;
  readonly outcome: BisectOutcome;
  readonly verification: Verification | null;
  readonly changes: WhatChanges | null;
  /** The events that it goes back to. */
  readonly causes: readonly Cause[];
  /** The answers around the first bad event, where a question decides. */
  readonly answers: Omit<Asked, 'outcome'> | null;
  /** What speaks against the run, in sentences. */
  readonly doubts: readonly string[];
  /** Lines of the log that contradict the model. */
  readonly contradictions: number;
  /** In some state there was all that the expression names. */
  readonly wasThere: boolean;
  /** The text of a line of the log; null where there is none. */
  readonly logText: (line: number) => string | null;
  /** The source as a word of a command. */
  readonly sourceName: string;
  /** The command that shows the event again. */
  readonly again: (event: number) => string;
}

export function bisectStory(story: Story): readonly Line[] {
  const { outcome, trace } = story;
  const events = counted(trace.events.length, 'event');
  switch (outcome.kind) {
    case 'found':
      return foundLines(story, outcome);
    case 'holds': {
      const { invariants, evaluations } = outcome;
      if (invariants > 0) {
        const how = `${counted(invariants, 'invariant')} over ${events}`;
        return [line(`holds: ${how}`, 'good'), ...caveats(story)];
      }
      const how =
        evaluations > trace.events.length
          ? `the check is good in every state of ${events}`
          : `the check is good in the first and the last state of ${events} (asked ${counted(evaluations, 'time')})`;
      const lines = [line(`holds: ${how}`, 'good'), ...caveats(story)];
      return story.wasThere ? lines : [...lines, line(`  ${NEVER_THERE}`, 'bad')];
    }
    case 'badFromStart':
      return badFromStart(story);
    case 'notMonotone':
      return [line(`not monotone: ${outcome.reason}`, 'bad')];
    case 'inconclusive':
      return [line(`inconclusive: ${outcome.reason}`, 'bad')];
  }
}

const NEVER_THERE =
  'but in no state was there all that the expression names: is a device, group or module misspelt?';

function badFromStart({ answers, trace }: Story): readonly Line[] {
  if (answers === null || answers.first === null)
    return [
      line('bad from the start: the check refuses the state before the first event', 'bad'),
      line('hint: the check must be good for a state in which nothing has happened yet'),
    ];
  const first = trace.events[answers.first];
  return [
    line('bad from the start: the answer is no in the first state in which one can ask', 'bad'),
    ...(first === undefined ? [] : [line(`  first     ${place(first, answers.first)}`)]),
    line(`  answer    ${answerText(answers.no) ?? 'as the log of the session has it'}`),
    line('  what a probe or an unbind has half done is not asked about', 'dim'),
  ];
}

/** What the answer rests on that a log does not show. */
function caveats({ trace, contradictions, sourceName }: Story): readonly Line[] {
  if (trace.header.source === null) return [];
  const lines =
    contradictions === 0
      ? []
      : [line(`  the log contradicts the model in ${counted(contradictions, 'line')}`)];
  return [
    ...lines,
    line(`  kernel: ${describeKernel(trace.header.kernel)}`),
    line(
      '  assumed: no CONFIG_ option or patch but those that the log shows or a flag names, and',
      'dim',
    ),
    line(
      '    ACS read out of the groups: INV-GRP can blame groups that change, all others with --machine',
      'dim',
    ),
    line(
      `  hint: \`reprobe whatif ${sourceName} --all\` tries each patch and option, one at a time`,
      'dim',
    ),
  ];
}

function foundLines(story: Story, found: Found): readonly Line[] {
  const { trace, verification, changes } = story;
  const bad = trace.events[found.event];
  if (bad === undefined) return [];
  return [
    ...headLines(found),
    line(''),
    ...aligned(factRows(story, found, bad), [], '  '),
    ...causeLines(story, found),
    ...(changes === null ? [] : changeLines(changes)),
    ...(verification === null ? [] : [line(''), verified(verification)]),
    line(`again: ${story.again(found.event)}`),
  ];
}

function headLines({ violation, event, evaluations }: Found): readonly Line[] {
  if (violation === null) {
    return [line(`the check is bad from event #${event} on (asked ${evaluations} times)`, 'bad')];
  }
  const { id, code, claim } = findInvariant(violation.invariant) ?? {};
  return [
    line(`${id} (${code}) is violated by event #${event}`, 'bad'),
    line(`  ${violation.message}`),
    line(`  claim: ${claim}`, 'dim'),
  ];
}

function factRows(
  { trace, logText, doubts, answers }: Story,
  found: Found,
  bad: Recorded,
): string[][] {
  const { violation } = found;
  const printed = printedNext(trace, found.event);
  const good = trace.events[found.lastGood];
  const origin = stimulusOf(trace, found.event);
  const { dev, group } = aboutOf(bad, violation?.values ?? {});
  const before =
    good === undefined ? 'the state before anything happened' : place(good, found.lastGood);
  const rows: (readonly [string, string | null])[] = [
    ['first bad', place({ ...bad, timeUs: printed?.timeUs ?? bad.timeUs }, found.event)],
    ['last good', before],
    ['device', dev],
    ['group', group],
    ['subject', violation?.subject ?? null],
    ['values', violation === null ? null : valuesText(violation.values)],
    ['path', bad.stack.join(' > ') || null],
    ['task', bad.task],
    ['stimulus', origin === null ? null : describeStimulus(origin.stimulus)],
    ['kernel', describeKernel(trace.header.kernel)],
    ['log', logLine(printed ?? bad, logText)],
    ...found.also.map((one) => ['also', `${one.invariant}: ${one.message}`] as const),
    ...doubts.map((doubt) => ['doubt', doubt] as const),
    ['answer', answerText(answers?.no)],
    ['before', answerText(answers?.yes)],
    ['healed', found.healed === null ? null : `at event #${found.healed}, for a while at least`],
  ];
  return rows.flatMap(([label, text]) => (text === null ? [] : [[label, text]]));
}

function answerText(answer: Answer | null | undefined): string | null {
  return answer === null || answer === undefined ? null : describeAnswer(answer);
}

/** So many parts of the state are named for each event that set them. */
const PARTS_SHOWN = 4;

function causeLines({ trace, causes }: Story, found: Found): readonly Line[] {
  if (causes.length === 0) return [];
  const bad = trace.events[found.event];
  const begun = trace.events.findIndex(({ task }) => task === bad?.task);
  const rows = causes.flatMap(({ event, parts, made }) => {
    const recorded = trace.events[event];
    if (recorded === undefined) return [];
    const known = parts.filter(({ path }) => !path.includes('.spec.'));
    const shownParts = (known.length > 0 ? known : parts).slice(0, PARTS_SHOWN);
    // What a thing has is made with it.
    const isPart = (path: string) => made.some((other) => path.startsWith(`${other}.`));
    const things = made.filter((path) => !path.includes('.spec') && !isPart(path));
    const texts = [
      ...things.map((path) => `makes ${path}`),
      ...shownParts.map(({ path, value }) => `${path}=${shown(value)}`),
    ];
    const more = parts.length > shownParts.length ? ' …' : '';
    const isMeanwhile = begun >= 0 && event > begun && recorded.task !== bad?.task;
    const by = isMeanwhile ? `, meanwhile by ${recorded.task}` : '';
    const where = `${recorded.stack.at(-1) ?? ''}${by}`;
    return [[`#${event}`, describeEvent(recorded.event), where, `${texts.join(' ')}${more}`]];
  });
  const head = line('the events that it goes back to, and what each set', 'head');
  const isLast = causes.at(-1)?.event === found.event;
  const own = isLast
    ? []
    : [line(`  #${found.event} the first bad one sets nothing that it looks at`, 'dim')];
  return [line(''), head, ...aligned(rows, [], '  '), ...own];
}

function place(recorded: Recorded, n: number): string {
  const time = recorded.timeUs === null ? '' : `${seconds(recorded.timeUs)} `;
  return `#${n} ${time}${describeEvent(recorded.event)}`;
}

function aboutOf({ event }: Recorded, values: Readonly<Record<string, unknown>>) {
  const dev = 'dev' in event && typeof event.dev === 'string' ? event.dev : null;
  const own = 'group' in event ? event.group : values['group'];
  return { dev, group: own === undefined || own === null ? null : String(own) };
}

function valuesText(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${shown(value)}`)
    .join(' ');
}

function logLine({ line: at, origin }: Recorded, logText: Story['logText']): string | null {
  if (at === null) return null;
  const text = logText(at);
  const where = origin === 'observed' ? `line ${at}` : `${origin} after line ${at}`;
  return text === null ? where : `${where}: ${text}`;
}

/** What the kernel printed of the event, where the log has it and the task did it next. */
function printedNext({ events }: Trace, event: number): Recorded | null {
  const next = events[event + 1];
  const isAbout = next?.task === events[event]?.task && next?.event.type === 'printk';
  return isAbout && next?.origin === 'observed' ? next : null;
}

function changeLines({ reproduced, remedies }: WhatChanges): readonly Line[] {
  const head = line('what would have changed it', 'head');
  if (!reproduced) {
    return [
      line(''),
      head,
      line('  unknown: running the inputs again does not show the violation'),
    ];
  }
  if (remedies.length === 0) {
    return [line(''), head, line('  no single patch or option that reprobe knows')];
  }
  return [line(''), head, ...remedies.flatMap(remedyLines)];
}

function remedyLines(remedy: Remedy): readonly Line[] {
  if (remedy.kind === 'config') {
    return [line(`  option  CONFIG_${remedy.name}=${remedy.to} instead of ${remedy.from}`)];
  }
  const { direction, name, commit, subject, landed, stable, before, after } = remedy;
  const id = commit === null ? '' : `${commit} `;
  const what = `${name}: ${id}("${subject}")`;
  // Taking an old patch away is no cure: it says since when the bug is possible.
  const since = landed ?? 'which is in no release';
  if (direction === 'without') return [line(`  since   ${what}, ${since}`, 'dim')];
  const trees = stable.length === 0 ? '' : ` and the stable trees of ${stable.join(', ')}`;
  const where = landed === null ? since : `in ${landed}${trees}`;
  return [
    line(`  fix     ${what}, ${where}`),
    line(`          before: ${before}`, 'dim'),
    line(`          after: ${after}`, 'dim'),
  ];
}

function verified({ verified: ok, how }: Verification): Line {
  return ok ? line(`verified: ${how}`, 'good') : line(`not verified: ${how}`, 'bad');
}
