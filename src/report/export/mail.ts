/** A finding as a report for a mailing list: plain text of 75 columns. */
import type { Remedy } from '../../bisect/what-changes.ts';
import { describeEvent } from '../../events/describe.ts';
import { describeStimulus } from '../../events/stimulus.ts';
import { printAction } from '../../import/action-print.ts';
import { findInvariant } from '../../invariants/all.ts';
import type { Violation } from '../../invariants/invariant.ts';
import { compareReleases } from '../../model/versions/profile.ts';
import { shown } from '../line.ts';
import type { Affected, DoneStep, Finding, Spread } from './finding.ts';
import { kernelNeeds } from './kernel-needs.ts';
import { returnText, sentence } from './shell.ts';
import { waysToSee } from './visible.ts';
import { oneLine, wrapped } from './wrap.ts';

const WIDTH = 75;

const para = (text: string, first = '', next = first): readonly string[] =>
  wrapped(oneLine(text), WIDTH, first, next);

/** The report. Paths and commands are not broken, and may be longer than a line. */
export function mailText(finding: Finding, violation: Violation, spread: Spread): string {
  const { claim, subsystem = 'driver core' } = findInvariant(violation.invariant) ?? {};
  const lines = [
    `Subject: [BUG] ${subsystem}: ${inBrief(sentence(violation.subject, violation.message))}`,
    '',
    ...para(`${sentence(violation.subject, violation.message)}.`),
    '',
    ...para(`What should hold: ${claim} (${violation.invariant})`),
    '',
    'Where',
    '-----',
    ...whereLines(finding, violation),
    '',
    'How to reproduce',
    '----------------',
    ...needLines(finding),
    '',
    ...finding.steps.flatMap((step) => stepLines(step, violation)),
    ...sightLines(finding, violation),
    ...alsoLines(finding, violation),
    '',
    'Affected kernels',
    '----------------',
    ...kernelLines(spread),
    '',
    'Fix',
    '---',
    ...fixLines(spread.changes.remedies),
    '',
    ...para(
      'Found by emulating the driver core, the IOMMU core and VFIO event by event with reprobe; ' +
        'releases stand for the newest of their stable tree.',
    ),
  ];
  return `${lines.join('\n')}\n`;
}

/** The first clause of a sentence that says more. */
function inBrief(text: string): string {
  const [first = ''] = oneLine(text).split(/(?<=\S{12}.*): |, (?=which|from|but)|; /);
  return first;
}

function whereLines({ trace, steps }: Finding, violation: Violation): readonly string[] {
  const { event, values } = violation;
  const bad = trace.events[event];
  const step = steps.find(({ violations }) => violations.includes(violation));
  const said = Object.entries(values).map(([name, value]) => `${name}=${shown(value)}`);
  return [
    ...(step === undefined ? [] : para(`Step ${step.n}, ${describeStimulus(step.stimulus)}:`)),
    ...(bad === undefined ? [] : para(describeEvent(bad.event), '  ', '    ')),
    '',
    'The kernel gets there by',
    ...violation.stack.map((name, depth) => `  ${' '.repeat(Math.min(depth, 20))}${name}`),
    ...(said.length === 0 ? [] : ['', ...para(`With ${said.join(', ')}.`)]),
  ];
}

function needLines({ trace }: Finding): readonly string[] {
  const cmdline = oneLine(trace.header.kernel.cmdline);
  return [
    ...kernelNeeds(trace).flatMap((need) => para(need, '* ', '  ')),
    ...(cmdline === '' ? [] : para(`boot parameters: ${cmdline}`, '* ', '  ')),
  ];
}

function stepLines({ n, stimulus, result, calls, violations }: DoneStep, violation: Violation) {
  const isOfUser = stimulus.do === 'vfio' || stimulus.do === 'vfio_ioctl';
  const command = isOfUser ? null : printAction(stimulus);
  const what = command ?? oneLine(describeStimulus(stimulus));
  const failed = calls.findLast(({ ret }) => ret < 0);
  const ret = result?.ret ?? 0;
  const said =
    failed !== undefined
      ? `${failed.call} = ${returnText(failed.ret)}`
      : ret < 0
        ? returnText(ret)
        : null;
  const row = [`${String(n).padStart(3)}. ${what}`];
  if (said !== null) row.push(`     -> ${oneLine(said)}`);
  return violations.includes(violation) ? [...row, '     -> from here on it is broken'] : row;
}

function sightLines({ trace }: Finding, violation: Violation): readonly string[] {
  const ways = waysToSee(violation, trace) ?? [];
  return [
    ...(ways.length === 0 ? [] : ['']),
    ...ways.flatMap(({ command, shows }) =>
      command === null ? para(shows) : [`  # ${oneLine(command)}`, ...para(shows, '  ')],
    ),
  ];
}

/** What else breaks later, each once. */
function alsoLines({ violations }: Finding, violation: Violation): readonly string[] {
  const others = new Set(
    violations.filter((one) => one !== violation).map(({ message }) => oneLine(message)),
  );
  if (others.size === 0) return [];
  return ['', 'It goes on to', ...[...others].flatMap((message) => para(message, '* ', '  '))];
}

function kernelLines({ kernels, before }: Spread): readonly string[] {
  const of = (verdict: Affected['verdict']) =>
    kernels.filter((one) => one.verdict === verdict).map(({ kernel }) => kernel);
  const older = before.map((release) => `${release.replace(/\.\d+$/, '.y')} before ${release}`);
  const rows: (readonly [string, readonly string[]])[] = [
    ['bad:', [...of('bad'), ...older]],
    ['good:', of('good')],
    ['breaks something else:', of('other')],
  ];
  const listed = rows.flatMap(([label, names]) =>
    names.length === 0 ? [] : para(`${label} ${names.join(', ')}`, '', '  '),
  );
  const isNone = of('bad').length + older.length === 0;
  const none = 'None as shipped: the kernel above is no release as it shipped.';
  return [...listed, ...(isNone ? para(none) : [])];
}

function fixLines(remedies: readonly Remedy[]): readonly string[] {
  const patches = remedies.flatMap((one) => (one.kind === 'patch' ? [one] : []));
  const added = patches.filter(({ direction }) => direction === 'with');
  const merged = added.filter(({ landed }) => landed !== null);
  const fixes = merged.length > 0 ? merged : added;
  const causes = patches.filter(
    ({ direction, landed }) => direction === 'without' && landed !== null,
  );
  const options = remedies.flatMap((one) => (one.kind === 'config' ? [one] : []));
  const [since] = causes.sort((a, b) => compareReleases(b.landed ?? '', a.landed ?? ''));
  return [
    ...(fixes.length === 0 ? ['None known.'] : []),
    ...fixes.flatMap(({ commit, subject, landed, stable }) => [
      ...para(`${commit ?? 'proposed:'} ("${subject}")`),
      ...para(
        landed === null
          ? 'never merged'
          : `in ${landed}${stable.length === 0 ? '' : `, stable ${stable.join(', ')}`}`,
        '  ',
      ),
    ]),
    ...options.flatMap(({ name, from, to }) =>
      para(`It does not happen with CONFIG_${name}=${to} instead of ${from}.`),
    ),
    ...(since === undefined
      ? []
      : para(`Possible since ${since.commit ?? ''} ("${since.subject}"), in ${since.landed}.`)),
  ];
}
