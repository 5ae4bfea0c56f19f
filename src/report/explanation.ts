/** Under which assumptions a log makes sense, as text. */
import { describeEvent } from '../events/describe.ts';
import type { Recorded } from '../events/event.ts';
import type { KernelSpec } from '../events/machine.ts';
import { describeStimulus } from '../events/stimulus.ts';
import type { Trace } from '../events/trace.ts';
import { type Assumption, doingOf } from '../explain/assumption.ts';
import type { Hypothesis, Search } from '../explain/search.ts';
import type { Trouble } from '../explain/troubles.ts';
import type { Disagreement } from '../explain/witness.ts';
import { isOptionName, OPTIONS } from '../model/versions/option-table.ts';
import type { Patch } from '../model/versions/patch.ts';
import { PATCHES } from '../model/versions/patch-table.ts';
import { configOf, describeKernel } from '../model/versions/profile.ts';
import { counted, type Line, line } from './line.ts';
import { type Moved, sortOut } from './order-noise.ts';
import { mismatchSentence } from './verify-lines.ts';

/** How many disagreements, troubles and remedies are listed; `--json` has them all. */
const LISTED_MAX = 5;

export interface Explanation {
  readonly search: Search;
  /** Those of the likely run. */
  readonly troubles: readonly Trouble[];
}

/** The run of a hypothesis that explains all, else the run as it is. */
export function likelyTrace({ asItIs, hypotheses }: Search): Trace {
  const [best] = hypotheses;
  return (best?.leaves === 0 ? best.testimony : asItIs).trace;
}

export function explanationLines({ search, troubles }: Explanation): readonly Line[] {
  return [
    ...verdictLines(search),
    ...hypothesisLines(search),
    ...troubleLines(troubles, search.hypotheses[0]?.leaves === 0),
    ...assumedLines(likelyTrace(search), toldOf(search)),
  ];
}

function verdictLines({ asItIs: { trace, disagreements }, hypotheses }: Search): readonly Line[] {
  const { kernel } = trace.header;
  const known = [...(trace.asked ?? [])].flatMap((name) => knownOption(kernel, name));
  const who = [describeKernel(kernel), ...known].join(', ');
  if (disagreements.length === 0)
    return [line(`consistent: what was seen is what ${who} does`, 'good')];
  const disagree = disagreements.length === 1 ? 'disagrees' : 'disagree';
  const { rest, moved } = sortOut(disagreements);
  const texts = [...rest.map(disagreementText), ...moved.map(movedText)];
  const shown = texts.slice(0, LISTED_MAX);
  const more = texts.length - shown.length;
  const head =
    rest.length === 0
      ? `consistent with ${who} but for the order of ${counted(moved.length, 'line')}`
      : `${counted(disagreements.length, 'observation')} ${disagree} with ${who}`;
  return [
    line(head, 'bad'),
    ...shown.map((text) => line(`  ${text}`)),
    ...(more === 0 ? [] : [line(`  and ${more} more; --json has them all`, 'dim')]),
    ...(hypotheses.length > 0 ? [] : [line(rest.length === 0 ? NO_ORDER : NO_HYPOTHESIS)]),
  ];
}

const NO_HYPOTHESIS = 'no hypothesis of reprobe explains any of them';
const NO_ORDER =
  'no hypothesis of reprobe explains it; tasks that ran beside each other may have printed so';

function movedText({ text, line: at, expectedAt }: Moved): string {
  const by = counted(Math.abs(at - expectedAt), 'line');
  const where = at < expectedAt ? `${by} earlier` : `${by} later`;
  return `line ${at}: ${at === expectedAt ? 'elsewhere' : where} than in the model: ${text}`;
}

/** An option that is not what it is assumed to be. */
function knownOption(kernel: KernelSpec, name: string): readonly string[] {
  if (!isOptionName(name)) return [];
  const value = configOf(kernel, name);
  return value === OPTIONS[name].assumed ? [] : [`CONFIG_${name}=${value}`];
}

function disagreementText(one: Disagreement): string {
  switch (one.kind) {
    case 'doubt':
      return one.text;
    case 'recorded':
      return mismatchSentence(one.mismatch);
    case 'line': {
      const { expected, observed } = one;
      const { file, line: there } = one.evidence ?? { file: 'line', line: null };
      const beside = there === null ? `${file}: ` : `${file}:${there}: `;
      const where = one.evidence === undefined ? `line ${one.line}: ` : beside;
      if (expected === null) return `${where}not in the model: ${observed}`;
      if (observed === null) return `${where}only in the model: ${expected}`;
      return `${where}${observed}; the model: ${expected}`;
    }
  }
}

function hypothesisLines({ asItIs, hypotheses }: Search): readonly Line[] {
  const all = asItIs.disagreements.length;
  const { kernel } = asItIs.trace.header;
  // Where one explains all, those that leave something are no rivals.
  const isEnough = hypotheses[0]?.leaves === 0;
  const told = hypotheses.filter(({ leaves }) => !isEnough || leaves === 0);
  const less = hypotheses.length - told.length;
  const lines = told.flatMap(({ assumptions, explains, leaves }, i) => {
    const rest = leaves === 0 ? '' : `; ${counted(leaves, 'disagreement')} left`;
    const head = `hypothesis ${i + 1} explains ${explains} of ${all}${rest}`;
    return [
      line(head, i === 0 && leaves === 0 ? 'good' : 'head'),
      ...assumptions.map((one) => line(`  ${assumptionText(one, kernel)}`)),
    ];
  });
  const more = `and ${counted(less, 'that explains', 'that explain')} less; --json has all`;
  return less === 0 ? lines : [...lines, line(more, 'dim')];
}

/** What is assumed, in words. */
function assumptionText(assumption: Assumption, kernel: KernelSpec): string {
  switch (assumption.kind) {
    case 'config':
      return `CONFIG_${assumption.name}=${assumption.value} instead of ${configOf(kernel, assumption.name)}`;
    case 'action':
      return `a user did, before line ${assumption.line}, unlogged: ${doingOf(assumption)}`;
    case 'release':
      return `the kernel is as ${assumption.version} shipped`;
    case 'coherent':
      return `${assumption.dev} is ${assumption.coherent ? '' : 'not '}coherent with the caches`;
    case 'patch': {
      const { commit, subject, landed, stable }: Patch = PATCHES[assumption.name];
      const trees = stable.length === 0 ? '' : ` and stable ${stable.join(', ')}`;
      const since = landed === null ? 'in no release' : `in ${landed}${trees}`;
      const id = commit === null ? '' : `${commit} `;
      return `${assumption.on ? 'with' : 'without'} ${assumption.name}: ${id}("${subject}"), ${since}`;
    }
  }
}

/** What the hypothesis says users did, of which the likely run is. */
function toldOf({ hypotheses }: Search): ReadonlySet<string> {
  const [best] = hypotheses;
  const assumed = best?.leaves === 0 ? best.assumptions : [];
  return new Set(
    assumed.flatMap((one) => (one.kind === 'action' ? one.stimuli.map(describeStimulus) : [])),
  );
}

/** What users must have done although neither the log shows nor a hypothesis tells it. */
function assumedLines({ events }: Trace, told: ReadonlySet<string>): readonly Line[] {
  const times = new Map<string, { readonly at: number | null; readonly count: number }>();
  const modules = new Set<string>();
  for (const { event, origin, line: at } of events) {
    if (event.type !== 'task.started' || origin !== 'assumed') continue;
    const { stimulus } = event;
    // Most are loaded by udev as devices appear: no more than their names is worth a line.
    if (stimulus.do === 'modprobe' && stimulus.params === '') {
      if (!told.has(describeStimulus(stimulus))) modules.add(stimulus.module);
      continue;
    }
    const text = describeStimulus(event.stimulus);
    if (told.has(text)) continue;
    const known = times.get(text);
    times.set(text, { at: known?.at ?? at, count: (known?.count ?? 0) + 1 });
  }
  if (times.size === 0 && modules.size === 0) return [];
  const done = [...times].map(([text, { at, count }]) => {
    const where = at === null ? '' : `, before line ${at}`;
    return `  ${text}${where}${count > 1 ? `, and ${count - 1} more times` : ''}`;
  });
  const shown = done.slice(0, LISTED_MAX);
  const more = done.length - shown.length;
  return [
    line('assumed, though nothing shows it', 'head'),
    ...shown.map((text) => line(text)),
    ...(more === 0 ? [] : [line(`  and ${more} more`, 'dim')]),
    ...(modules.size === 0 ? [] : [line(`  modprobe of ${namesText([...modules])}`)]),
  ];
}

/** The first of them, and how many there are. */
function namesText(names: readonly string[]): string {
  const shown = names.slice(0, LISTED_MAX).join(', ');
  return names.length <= LISTED_MAX ? shown : `${shown} and ${names.length - LISTED_MAX} more`;
}

function troubleLines(troubles: readonly Trouble[], isAssumed: boolean): readonly Line[] {
  if (troubles.length === 0) return [];
  // One broken invariant says more than ten probes that fail.
  const isGrave = ({ violation, recorded }: Trouble) =>
    violation !== null || recorded.event.type === 'kernel.oopsed';
  const sorted = [...troubles.filter(isGrave), ...troubles.filter((one) => !isGrave(one))];
  const shown = sorted.slice(0, 2 * LISTED_MAX);
  const more = troubles.length - shown.length;
  return [
    line(`what went wrong${isAssumed ? ' under hypothesis 1' : ''}, and what decides it`, 'head'),
    ...shown.flatMap(troubleText),
    ...(more === 0 ? [] : [line(`  and ${more} more; --json has them all`, 'dim')]),
  ];
}

function troubleText({ event, recorded, violation, decidedBy }: Trouble): readonly Line[] {
  const what = violation ?? describeEvent(recorded.event);
  const others = decidedBy.slice(0, LISTED_MAX).map(otherwise);
  const rest = decidedBy.length > others.length ? '; …' : '';
  return [
    line(`  #${event}${placeOf(recorded)} ${what}`, 'bad'),
    ...(others.length === 0 ? [] : [line(`      it would not: ${others.join('; ')}${rest}`)]),
  ];
}

const placeOf = ({ line: at }: Recorded): string => (at === null ? '' : ` (line ${at})`);

function otherwise(assumption: Assumption): string {
  switch (assumption.kind) {
    case 'config':
      return `with CONFIG_${assumption.name}=${assumption.value}`;
    case 'action':
      return `after ${doingOf(assumption)}`;
    case 'release':
      return `in ${assumption.version}`;
    case 'coherent':
      return `if ${assumption.dev} were ${assumption.coherent ? '' : 'not '}coherent`;
    case 'patch':
      return `${assumption.on ? 'with' : 'without'} ${assumption.name}`;
  }
}

/** What `--json` prints. */
export function explanationJson({ search, troubles }: Explanation): object {
  const { asItIs, hypotheses, runs } = search;
  const { kernel } = asItIs.trace.header;
  return {
    consistent: asItIs.disagreements.length === 0,
    kernel: { version: kernel.version, release: kernel.release },
    disagreements: asItIs.disagreements.map(disagreementText),
    hypotheses: hypotheses.map(({ assumptions, explains, leaves, testimony }: Hypothesis) => ({
      assumptions,
      text: assumptions.map((one) => assumptionText(one, kernel)),
      explains,
      leaves,
      left: testimony.disagreements.map(disagreementText),
    })),
    troubles: troubles.map(({ event, recorded, violation, decidedBy }) => ({
      event,
      line: recorded.line,
      text: violation ?? describeEvent(recorded.event),
      decidedBy,
    })),
    runs,
  };
}
