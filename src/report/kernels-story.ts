/** A bisection over releases as text: the verdicts in ranges, and why they turn. */
import type { KernelBisection, Responsible, Step, Turn } from '../bisect/kernels.ts';
import type { Patch } from '../model/versions/patch.ts';
import { PATCHES, type PatchName } from '../model/versions/patch-table.ts';
import { aligned, counted, type Line, line } from './line.ts';

/** Which turn was asked for: to bad or to good. */
export type Find = 'break' | 'fix';

export interface KernelsStory {
  readonly bisection: KernelBisection;
  readonly find: Find;
  /** What is bad, in words. */
  readonly what: string;
  /** Proposals of the source that every run kept. */
  readonly proposals: readonly string[];
}

export function kernelsStory({ bisection, find, what, proposals }: KernelsStory): readonly Line[] {
  const { turns, given, evaluations, releases } = bisection;
  return [
    headOf(bisection, find, what),
    line(''),
    ...aligned(
      rangesOf(releases).map(({ span, verdict }) => [span, verdict]),
      [],
      '  ',
    ),
    ...turns.flatMap((turn) => [line(''), ...turnLines(turn)]),
    ...(given === null ? [] : [line(''), ...givenLines(given)]),
    line(''),
    ...(proposals.length === 0
      ? []
      : [line(`kept in every release, although none has it: ${proposals.join(', ')}`, 'dim')]),
    line(`every release was judged: ${counted(evaluations, 'run')}`, 'dim'),
  ];
}

function headOf({ turns, given, releases }: KernelBisection, find: Find, what: string): Line {
  const first = turns.find(({ kind }) => kind === find);
  if (first !== undefined) {
    const verb = find === 'break' ? 'bad since' : 'good since';
    return line(`${what}: ${verb} ${first.to}`, find === 'break' ? 'bad' : 'good');
  }
  const verdicts = new Set(releases.map(({ verdict }) => verdict));
  if (verdicts.size === 0) return line('no release lies in that range', 'bad');
  if (given?.kind === 'fix' && !verdicts.has('bad'))
    return line(`${what}: no release is bad, only what was set by hand`, 'bad');
  if (verdicts.has('bad') && !verdicts.has('good'))
    return line(`${what}: every release is bad`, 'bad');
  if (!verdicts.has('bad')) return line(`${what}: no release is bad`, 'good');
  const never = find === 'break' ? 'no release turns it bad' : 'no release turns it good again';
  return line(`${what}: ${never}`, find === 'break' ? 'good' : 'bad');
}

/** Neighbours with the same verdict as one row. */
function rangesOf(releases: KernelBisection['releases']) {
  const ranges: { first: string; last: string; verdict: string }[] = [];
  for (const { release, verdict } of releases) {
    const open = ranges.at(-1);
    if (open?.verdict === verdict) open.last = release;
    else ranges.push({ first: release, last: release, verdict });
  }
  return ranges.map(({ first, last, verdict }) => ({
    span: first === last ? first : `${first} to ${last}`,
    verdict: verdict === 'skip' ? 'cannot be judged' : verdict,
  }));
}

function givenLines({ kind, to, responsible }: Turn): readonly Line[] {
  const turned = kind === 'fix' ? 'bad as given, and good' : 'good as given, and bad';
  return [
    line(`${to} is ${turned} as it shipped`, 'head'),
    ...responsible.culprits.flatMap(stepLines),
    ...whyLines(responsible).map((text) => line(`  ${text}`)),
  ];
}

function turnLines({ kind, from, to, responsible, stable }: Turn): readonly Line[] {
  const turned = kind === 'fix' ? 'good again' : 'bad';
  const also = stable.map(({ release }) => release).join(', ');
  return [
    line(`from ${from} to ${to} it turns ${turned}`, 'head'),
    ...responsible.culprits.flatMap(stepLines),
    ...whyLines(responsible).map((text) => line(`  ${text}`)),
    ...(also === '' ? [] : [line(`  stable releases that turn with it: ${also}`)]),
  ];
}

function stepLines({ name, on }: Step): readonly Line[] {
  const { commit, subject, before, after }: Patch = PATCHES[name];
  const id = commit === null ? '' : `${commit} `;
  return [
    line(`  ${on ? 'by     ' : 'without'} ${name}: ${id}("${subject}")`),
    line(`          before: ${before}`, 'dim'),
    line(`          after: ${after}`, 'dim'),
  ];
}

/** What was tried, in sentences: how sure one can be that it is these. */
function whyLines({
  culprits,
  alternatives,
  needed,
  restsOn,
  differ,
  asked,
}: Responsible): readonly string[] {
  const names = culprits.map(({ name }) => name);
  const isNeeded = culprits.every((step) => needed.some(({ name }) => name === step.name));
  const [one = ''] = names;
  const enough =
    names.length === 1
      ? `${one} alone is enough`
      : `${names.join(' and ')} are enough together, none of them is alone`;
  const without = isNeeded
    ? `without ${names.length === 1 ? 'it' : 'any of them'} it does not turn`
    : 'without it something else turns it as well';
  const others = needed.filter(({ name }) => !names.includes(name)).map(({ name }) => name);
  return [
    `${enough}, and ${without}`,
    `of ${counted(differ, 'patch', 'patches')} that differ the run asks about ${asked}, and each was tried`,
    ...(alternatives.length === 0 ? [] : [`alone enough too: ${stepNames(alternatives)}`]),
    ...(others.length === 0 ? [] : [`of the same release, needed beside it: ${others.join(', ')}`]),
    ...(restsOn.length === 0 ? [] : [`it rests on what was there before: ${landedNames(restsOn)}`]),
  ];
}

const stepNames = (steps: readonly Step[]): string => steps.map(({ name }) => name).join(', ');

function landedNames(names: readonly PatchName[]): string {
  return names
    .map((name) => {
      const { landed } = PATCHES[name];
      return landed === null ? name : `${name} (${landed})`;
    })
    .join(', ');
}
