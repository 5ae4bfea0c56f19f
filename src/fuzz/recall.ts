/**
 * Known bugs, and how soon draws find them again: a patch is taken back, or put in where it is one that
 * breaks something, and what then breaks must not break without that, given the same inputs.
 */
import type { KernelSpec } from '../events/machine.ts';
import type { Inputs } from '../events/trace.ts';
import { type CheckedRunOptions, runChecked } from '../invariants/checked-run.ts';
import { minimize } from '../minimize/minimize.ts';
import { PATCHES, type PatchName } from '../model/versions/patch-table.ts';
import { PATCH_NAMES, PROFILES } from '../model/versions/profile.ts';
import { ANY_RELEASE } from './any-kernel.ts';
import { createDraw, sizeOfRun } from './draw.ts';

/** A bug of one kernel: what its patch does where it is as `patches` say. */
export interface KnownBug {
  readonly patch: PatchName;
  readonly version: string;
  /** The kernel has the bug with the patch so, and not the other way. */
  readonly isOn: boolean;
  /** Patches beside it that the bug needs. */
  readonly patches: KernelSpec['patches'];
  /** Ids of the invariants that it breaks in its scenario. */
  readonly invariants: readonly string[];
}

/** Inputs that break an invariant by a bug. */
export interface Reproducer {
  readonly invariant: string;
  readonly inputs: Inputs;
}

/** Enough for the machines that are drawn; what goes on for longer does not end. */
const EVENTS_MAX = 50_000;

/**
 * The bug that a patch's own scenario shows there, on the newest release where that scenario shows it
 * too: by the patch alone if that is enough, else with the others that the scenario switches.
 *
 * @param scenarioOf the inputs of a scenario, by the name that the patch table has for it.
 * @returns null for a patch that decides over no invariant in its scenario.
 */
export function knownBugOf(
  patch: PatchName,
  scenarioOf: (name: string) => Inputs,
): KnownBug | null {
  const inputs = scenarioOf(PATCHES[patch].scenario);
  const { [patch]: _, ...others } = inputs.kernel.patches;
  const isOn = [false, true].find((on) => brokenBy(inputs, patch, on).size > 0);
  if (isOn === undefined) return null;
  const invariants = [...brokenBy(inputs, patch, isOn)];
  const shows = (version: string, patches: KernelSpec['patches']): boolean => {
    const kernel = { ...inputs.kernel, version, release: null, patches };
    const broken = brokenBy({ ...inputs, kernel }, patch, isOn);
    return invariants.some((id) => broken.has(id));
  };
  for (const patches of [ANY_RELEASE.patches ?? {}, others]) {
    const version = PROFILES.findLast((profile) => shows(profile, patches));
    if (version !== undefined) return { patch, version, isOn, patches, invariants };
  }
  const { version } = inputs.kernel;
  return { patch, version, isOn, patches: others, invariants };
}

/** Every bug that a patch decides over. Cost: at most four runs for each profile and patch. */
export const knownBugs = (scenarioOf: (name: string) => Inputs): readonly KnownBug[] =>
  PATCH_NAMES.flatMap((patch) => knownBugOf(patch, scenarioOf) ?? []);

/** Ids of the invariants that break with the patch so and hold with it the other way. */
function brokenBy(
  inputs: Inputs,
  patch: PatchName,
  isOn: boolean,
  options: CheckedRunOptions = {},
): ReadonlySet<string> {
  const broken = brokenIn(switched(inputs, patch, isOn), options);
  if (broken.size === 0) return broken;
  const without = brokenIn(switched(inputs, patch, !isOn), options);
  return new Set([...broken].filter((id) => !without.has(id)));
}

function switched(inputs: Inputs, patch: PatchName, isOn: boolean): Inputs {
  const { kernel } = inputs;
  return { ...inputs, kernel: { ...kernel, patches: { ...kernel.patches, [patch]: isOn } } };
}

function brokenIn(inputs: Inputs, options: CheckedRunOptions): ReadonlySet<string> {
  const { violations } = runChecked(inputs, { eventsMax: EVENTS_MAX, ...options });
  return new Set(violations.map(({ invariant }) => invariant));
}

export interface Recalled {
  /** How many inputs were drawn. */
  readonly draws: number;
  readonly found: Reproducer | null;
  /** What the model said where it broke. */
  readonly errors: readonly string[];
}

export interface RecallOptions {
  /** The first seed. */
  readonly seed: number;
  /** So many inputs were drawn before, from that seed on; 0 where absent. */
  readonly after?: number;
  /** Asked after each draw: true gives up. */
  readonly until: (draws: number) => boolean;
  /** Decides where the choices of the inputs end, in the run of that number; else the default does. */
  readonly chooserOf?: (seed: number) => CheckedRunOptions['choose'];
}

/**
 * Draws inputs until one breaks an invariant that the bug is known to break, and does not without it.
 *
 * Cost: a run for each draw, and a second one where such an invariant breaks.
 */
export function recall(bug: KnownBug, options: RecallOptions): Recalled {
  const { seed, after = 0, until, chooserOf } = options;
  const { patch, isOn, version, patches } = bug;
  const kernel = { ...ANY_RELEASE, version, patches: { ...patches, [patch]: isOn } };
  const draw = createDraw({ from: null, kernel });
  const errors: string[] = [];
  for (let n = after; ; n += 1) {
    const inputs = draw(seed + n, sizeOfRun(n));
    const draws = n + 1 - after;
    try {
      const invariant = firstBroken(inputs, bug, () => chooserOf?.(seed + n));
      if (invariant !== undefined) return { draws, found: { invariant, inputs }, errors };
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
    }
    if (until(draws)) return { draws, found: null, errors };
  }
}

/**
 * What the scenario of a patch shows of the bug, on the bug's own kernel.
 *
 * @param invariant the one that it is to break, where it breaks more than one.
 */
export function knownReproducer(
  bug: KnownBug,
  scenarioOf: (name: string) => Inputs,
  invariant: string,
): Reproducer | null {
  const { patch, version, isOn, patches } = bug;
  const inputs = scenarioOf(PATCHES[patch].scenario);
  const kernel = { ...inputs.kernel, version, release: null, patches };
  const ours = switched({ ...inputs, kernel }, patch, isOn);
  const broken = [...brokenBy(ours, patch, isOn)].filter((id) => bug.invariants.includes(id));
  const [first] = broken.toSorted((a, b) => Number(b === invariant) - Number(a === invariant));
  return first === undefined ? null : { invariant: first, inputs: ours };
}

/**
 * Reduces a reproducer as long as it is one of that bug: the invariant breaks with the patch so, and
 * does not the other way.
 *
 * Cost: some hundreds of runs.
 */
export function reduceReproducer(
  { patch, isOn }: KnownBug,
  { invariant, inputs }: Reproducer,
): Reproducer {
  const and = (one: Inputs): boolean => !brokenIn(switched(one, patch, !isOn), {}).has(invariant);
  const reduced = minimize(inputs, { invariant, subject: null }, { and });
  return { invariant, inputs: reduced.inputs };
}

function firstBroken(
  inputs: Inputs,
  { patch, isOn, invariants }: KnownBug,
  chooser: () => CheckedRunOptions['choose'],
): string | undefined {
  const options = (): CheckedRunOptions => {
    const choose = chooser();
    return choose === undefined ? {} : { choose };
  };
  const broken = brokenIn(inputs, options());
  const known = invariants.filter((id) => broken.has(id));
  if (known.length === 0) return undefined;
  const without = brokenIn(switched(inputs, patch, !isOn), options());
  return known.find((id) => !without.has(id));
}
