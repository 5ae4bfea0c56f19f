/** Runs a recorded session's stimuli through the model and remembers when what was done. */

import { createRun, type Run, type System } from '../engine/run.ts';
import type { TaskEnd } from '../engine/tasks.ts';
import type { ShutdownKind, Stimulus } from '../events/stimulus.ts';
import { parseAction } from '../import/action.ts';
import { createCallRecorder, type ModelCall } from '../import/model-calls.ts';
import type { Observation } from '../import/observation.ts';
import { dmaStimuli, type RefusedDma, refusedDma } from '../import/refused-dma.ts';
import type { ScheduleGuide } from '../import/schedule.ts';
import type { PathProbe } from '../model/context.ts';
import { driver_deferred_probe_timeout } from '../model/kernel/dd-deferred.ts';
import { answerOfLab } from './lab-devices.ts';
import { linesByAction, SHUTDOWN } from './log-actions.ts';
import { loadedModules } from './machine.ts';
import type { Session } from './session.ts';
import { stepsOf } from './steps.ts';

/** One action in the emulated run. */
export interface EmulatedAction {
  readonly n: number;
  readonly stimulus: Stimulus;
  /** Its task, to ask how it ended later. */
  readonly task: string;
  /** How it stood when nothing moved any more. */
  readonly end: TaskEnd;
}

export interface Emulation {
  readonly run: Run;
  /** By action number; 0 is the boot. */
  readonly actions: ReadonlyMap<number, EmulatedAction>;
  /** Snapshot file to the number of events before it was taken. */
  readonly snapshots: ReadonlyMap<string, number>;
  /** Event number at which each action starts, in order; the boot is first. */
  readonly starts: readonly { readonly n: number; readonly event: number }[];
  /** Background action to how its task stood when the recording saw it finish. */
  readonly finished: ReadonlyMap<number, TaskEnd>;
  readonly calls: readonly ModelCall[];
}

/** How the recording ended, where the log goes on to tell; null where the machine just stopped. */
function shutdownOf(dmesg: string | null): ShutdownKind | null {
  const log = dmesg ?? '';
  if (/\] reboot: Restarting system/.test(log)) return 'reboot';
  if (/\] reboot: System halted/.test(log)) return 'halt';
  return /\] reboot: Power down|\] \S+ \S+: shutdown\s*$/m.test(log) ? 'poweroff' : null;
}

/** End of the initcalls, from the log's own stamps; null where the log does not tell. */
function bootEndUs(dmesg: string | null): number | null {
  const found = /^\[\s*(\d+)\.(\d{6})\] (?:Freeing unused kernel|Run \/init as)/m.exec(dmesg ?? '');
  return found === null ? null : Number(found[1]) * 1_000_000 + Number(found[2]);
}

/**
 * What devices did by themselves: read and wrote where an IOMMU refused, by the last action before.
 * Whether and why the model's IOMMU refuses it too is compared.
 */
function refusedByAction(dmesg: string): ReadonlyMap<number, readonly RefusedDma[]> {
  const observations = new Map<number, Observation[]>();
  for (const { action, observation } of linesByAction(dmesg)) {
    const list = observations.get(action) ?? [];
    if (observation !== null) list.push(observation);
    observations.set(action, list);
  }
  return new Map([...observations].map(([action, list]) => [action, refusedDma(list)]));
}

/** Tells the guide of calls. */
function guidedProbe(probe: PathProbe, guide: ScheduleGuide): PathProbe {
  return {
    ...probe,
    enter(name, args, task) {
      guide.called(name, args, task);
      return probe.enter(name, args, task);
    },
  };
}

/**
 * Boots the system and does what the recording's script did, in its order. The recording's times say
 * one thing only: whether the deferred probe timeout had fallen due before the next step.
 *
 * @param guide makes the scheduler's choices; null for the default schedule.
 */
export function emulate(system: System, session: Session, guide: ScheduleGuide | null): Emulation {
  const recorder = createCallRecorder({ holds: true });
  const run: Run = createRun(system, {
    ...(guide === null ? {} : { choose: guide.choose, onEvent: guide.onEvent }),
    probe: guide === null ? recorder.probe : guidedProbe(recorder.probe, guide),
    oracle: (_dev, drv) => answerOfLab(run.state, drv),
  });
  recorder.attach(run.state);
  const actions = new Map<number, EmulatedAction>();
  const snapshots = new Map<string, number>();
  const starts: { n: number; event: number }[] = [];
  const finished = new Map<number, TaskEnd>();
  let given = 0;
  let armedAtUs = 0;

  const give = (n: number, stimulus: Stimulus, atUs: number): TaskEnd => {
    const from = run.scheduler.events.length;
    const end = run.give(stimulus);
    given += 1;
    const rearmed = run.scheduler.events
      .slice(from)
      .some(({ event }) => event.type === 'deferred.timeout_armed');
    if (rearmed) armedAtUs = atUs;
    if (n >= 0) actions.set(n, { n, stimulus, task: run.taskOf(given - 1), end });
    return end;
  };
  const fireTimeout = (nowUs: number): void => {
    const seconds = driver_deferred_probe_timeout(run.kernel);
    if (run.state.deferred.timeout_armed && nowUs >= armedAtUs + seconds * 1_000_000)
      give(-1, { do: 'deferred_probe_timeout' }, nowUs);
  };

  const refused = refusedByAction(session.dmesg ?? '');
  const stimulusOf = dmaStimuli(run.kernel);
  const giveRefused = (n: number): void => {
    for (const dma of refused.get(n) ?? []) {
      const { timeUs } = dma.observation.record;
      fireTimeout(timeUs ?? 0);
      const stimulus = stimulusOf(dma);
      if (stimulus !== null) give(-1, stimulus, timeUs ?? 0);
    }
  };

  starts.push({ n: 0, event: 0 });
  recorder.booting = true;
  give(0, { do: 'boot' }, bootEndUs(session.dmesg) ?? 0);
  recorder.booting = false;
  const known = new Set(system.machine.modules.map(({ name }) => name));
  for (const module of loadedModules(session))
    if (known.has(module)) give(-1, { do: 'modprobe', module, params: '' }, 0);
  let last = 0;
  for (const entry of stepsOf(session)) {
    if (entry.kind === 'action') {
      giveRefused(last);
      last = entry.n;
    }
    fireTimeout(entry.uptimeUs);
    if (entry.kind === 'snapshot') snapshots.set(entry.file, run.scheduler.events.length);
    if (entry.kind === 'finished') {
      const task = actions.get(entry.n)?.task ?? '';
      finished.set(entry.n, run.scheduler.endOf(task));
    }
    if (entry.kind !== 'action') continue;
    starts.push({ n: entry.n, event: run.scheduler.events.length });
    recorder.action = entry.n;
    guide?.begin(entry.n);
    if (entry.command !== '') give(entry.n, parseAction(entry.command), entry.uptimeUs);
  }
  giveRefused(last);
  const calls = recorder.calls.slice();
  const how = shutdownOf(session.dmesg);
  if (how !== null && !run.state.deferred.defer_all_probes) {
    starts.push({ n: SHUTDOWN, event: run.scheduler.events.length });
    give(-1, { do: 'shutdown', how }, 0);
  }
  return { run, actions, snapshots, starts, finished, calls };
}
