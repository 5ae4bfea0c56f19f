/** Bisection over releases: where in their order inputs turn bad or good, and which patch does it. */
import type { KernelSpec } from '../events/machine.ts';
import type { Inputs } from '../events/trace.ts';
import { PATCHES, type PatchName } from '../model/versions/patch-table.ts';
import { isPatchName, PATCH_NAMES, parseRelease, patchesOf } from '../model/versions/profile.ts';
import { smallestEnough } from './delta.ts';
import { counting, type Judge, type Judgement } from './judge.ts';
import {
  kernelWith,
  type ReleasePoint,
  releaseLine,
  releaseOfKernel,
  stableLine,
} from './releases.ts';
import type { Verdict } from './search.ts';

/** A patch that one release has and the one before it has not, or the other way round. */
export interface Step {
  readonly name: PatchName;
  /** It came; false where it went. */
  readonly on: boolean;
}

/** Why the verdicts of two releases differ. */
export interface Responsible {
  /** The least that turns the earlier release: one patch, or several of which none can be spared. */
  readonly culprits: readonly Step[];
  /** Patches beside those that turn the earlier release by themselves as well. */
  readonly alternatives: readonly Step[];
  /** Patches without which the later release is not turned. */
  readonly needed: readonly Step[];
  /** Patches that both have, and without which the later one is not turned either. */
  readonly restsOn: readonly PatchName[];
  /** Patches that differ between the two, and those of them that either run asks about. */
  readonly differ: number;
  readonly asked: number;
}

/** A stable series that took a culprit, and where in it the verdict turns. */
export interface StableTurn {
  readonly series: string;
  /** The first release with the new verdict: `6.1.53`; `6.1.y` where its level was not determined. */
  readonly release: string;
}

/** Two neighbouring releases with different verdicts. */
export interface Turn {
  readonly kind: 'break' | 'fix';
  readonly from: string;
  readonly to: string;
  readonly responsible: Responsible;
  readonly stable: readonly StableTurn[];
}

export interface KernelBisection {
  readonly releases: readonly { readonly release: string; readonly verdict: Verdict }[];
  /** In release order. */
  readonly turns: readonly Turn[];
  /**
   * From the kernel of the inputs, of which patches were set by hand, to its release as it shipped;
   * null where they agree.
   */
  readonly given: Turn | null;
  readonly evaluations: number;
}

export interface KernelRange {
  /** Releases as `--kernel` takes them; null for the oldest, the newest. */
  readonly from: string | null;
  readonly to: string | null;
}

/**
 * Judges the inputs under every release of the range, so that nothing between two looks is missed,
 * then takes the difference of the patches apart where the verdict turns: each patch by itself on
 * the earlier release, each left out of the later one, and the least set that is enough where no
 * single patch is.
 *
 * The kernel's options and command line stay as they are, and so do proposals that no release has;
 * patches that did land are those of each release.
 *
 * Cost: one run for each release that differs from the one before it in what its run asks about,
 * and about two runs for each such patch where the verdict turns.
 */
export async function bisectKernels(
  inputs: Inputs,
  judge: Judge,
  { from, to }: KernelRange,
): Promise<KernelBisection> {
  const counted = counting(judge);
  const at = judgeAt(inputs, counted.judge);
  const points = releaseLine(from, to);
  const verdicts: Judgement[] = [];
  for (const { name, series, patches } of points) verdicts.push(await at(series, patches, name));
  const turns: Turn[] = [];
  let last: { readonly point: ReleasePoint; readonly judgement: Judgement } | null = null;
  for (const [i, point] of points.entries()) {
    const judgement = verdicts[i];
    // What cannot be told of a release is bridged.
    if (judgement === undefined || judgement.verdict === 'skip') continue;
    if (last !== null && last.judgement.verdict !== judgement.verdict)
      turns.push(await turnBetween(last, { point, judgement }, at));
    last = { point, judgement };
  }
  const given = await givenTurn(inputs.kernel, at);
  return {
    releases: points.map(({ name }, i) => ({
      release: name,
      verdict: verdicts[i]?.verdict ?? 'skip',
    })),
    turns,
    given,
    evaluations: counted.count(),
  };
}

/** Is it what somebody set by hand that decides? */
async function givenTurn(kernel: KernelSpec, at: JudgeAt): Promise<Turn | null> {
  const shipped = releaseOfKernel(kernel);
  const byHand = { ...shipped, name: `${shipped.name} as given`, patches: patchesOf(kernel) };
  const earlier = {
    point: byHand,
    judgement: await at(shipped.series, byHand.patches, byHand.name),
  };
  const later = {
    point: shipped,
    judgement: await at(shipped.series, shipped.patches, shipped.name),
  };
  const verdicts = [earlier.judgement.verdict, later.judgement.verdict];
  if (verdicts.includes('skip') || verdicts[0] === verdicts[1]) return null;
  // Where else a patch is says nothing about what was set by hand.
  return { ...(await turnBetween(earlier, later, at)), stable: [] };
}

type JudgeAt = (
  series: string,
  patches: ReadonlySet<PatchName>,
  name: string,
) => Promise<Judgement>;
interface Judged {
  readonly point: ReleasePoint;
  readonly judgement: Judgement;
}

/** Remembers runs: a kernel that has the same of what a run asked about makes the same run. */
function judgeAt(inputs: Inputs, judge: Judge): JudgeAt {
  const known: { readonly patches: ReadonlySet<PatchName>; readonly judgement: Judgement }[] = [];
  return async (series, patches, name) => {
    const same = known.find(({ patches: old, judgement: { asked, verdict } }) => {
      if (verdict === 'skip') return false;
      return PATCH_NAMES.every((name) => !asked.has(name) || old.has(name) === patches.has(name));
    });
    if (same !== undefined) return same.judgement;
    const kernel = kernelWith(inputs.kernel, series, patches);
    const judgement = await judge({ ...inputs, kernel }, name);
    known.push({ patches, judgement });
    return judgement;
  };
}

async function turnBetween(earlier: Judged, later: Judged, at: JudgeAt): Promise<Turn> {
  const responsible = await responsibleFor(earlier, later, at);
  return {
    kind: later.judgement.verdict === 'bad' ? 'break' : 'fix',
    from: earlier.point.name,
    to: later.point.name,
    responsible,
    stable: await stableTurns(responsible.culprits, later, at),
  };
}

async function responsibleFor(earlier: Judged, later: Judged, at: JudgeAt): Promise<Responsible> {
  const { point: a } = earlier;
  const { point: b } = later;
  const steps = stepsBetween(a.patches, b.patches);
  const turned = later.judgement.verdict;
  // A run that does not ask about a patch is the same without it.
  const ofEarlier = steps.filter(({ name }) => earlier.judgement.asked.has(name));
  const ofLater = steps.filter(({ name }) => later.judgement.asked.has(name));
  const isTurned = async (part: readonly Step[]) =>
    (await at(b.series, applied(a.patches, part), `${a.name} ${stepWords(part)}`)).verdict ===
    turned;
  const alone: Step[] = [];
  for (const step of ofEarlier) if (await isTurned([step])) alone.push(step);
  const needed: Step[] = [];
  for (const step of ofLater)
    if (!(await isTurned(steps.filter((other) => other !== step)))) needed.push(step);
  const restsOn: PatchName[] = [];
  for (const name of later.judgement.asked)
    if (isPatchName(name) && b.patches.has(name) && a.patches.has(name)) {
      const less = [{ name, on: false }];
      const what = `${b.name} ${stepWords(less)}`;
      const { verdict } = await at(b.series, applied(b.patches, less), what);
      if (verdict !== turned) restsOn.push(name);
    }
  const both = alone.filter((step) => needed.includes(step));
  const [best] = both.length > 0 ? both : alone;
  const culprits = best === undefined ? await smallestEnough(steps, isTurned) : [best];
  return {
    culprits,
    alternatives: alone.filter((step) => !culprits.includes(step)),
    needed,
    restsOn,
    differ: steps.length,
    asked: new Set([...ofEarlier, ...ofLater]).size,
  };
}

function stepsBetween(a: ReadonlySet<PatchName>, b: ReadonlySet<PatchName>): readonly Step[] {
  return PATCH_NAMES.filter((name) => a.has(name) !== b.has(name)).map((name) => ({
    name,
    on: b.has(name),
  }));
}

function stepWords(steps: readonly Step[]): string {
  return steps.map(({ name, on }) => `${on ? '+' : '-'}${name}`).join(' ');
}

function applied(patches: ReadonlySet<PatchName>, steps: readonly Step[]): ReadonlySet<PatchName> {
  const set = new Set(patches);
  for (const { name, on } of steps) {
    if (on) set.add(name);
    else set.delete(name);
  }
  return set;
}

/** Series whose stable releases took a culprit that came, and turned with it. */
async function stableTurns(
  culprits: readonly Step[],
  later: Judged,
  at: JudgeAt,
): Promise<readonly StableTurn[]> {
  const taken = culprits.flatMap(({ name, on }) => (on ? PATCHES[name].stable : []));
  const turns: StableTurn[] = [];
  for (const series of new Set(taken.flatMap((one) => parseRelease(one)?.series ?? []))) {
    if (series === later.point.series) continue;
    const release = await firstTurned(series, later.judgement.verdict, at);
    // Where the table has the series alone, the release in it that turned is not known.
    if (release !== null)
      turns.push({ series, release: taken.includes(series) ? `${series}.y` : release });
  }
  return turns;
}

async function firstTurned(series: string, turned: Verdict, at: JudgeAt): Promise<string | null> {
  let before: Verdict | null = null;
  for (const { name, patches } of stableLine(series)) {
    const { verdict } = await at(series, patches, name);
    if (before !== null && before !== turned && verdict === turned) return name;
    before = verdict;
  }
  return null;
}
