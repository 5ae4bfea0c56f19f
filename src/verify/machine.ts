import type { KernelSpec, Machine } from '../events/machine.ts';
import { KNOWN_DRIVERS } from '../model/firmware/driver-table.ts';
import { bootOrder } from './boot-order.ts';
import { driversOf } from './drivers.ts';
import { firmwareOf, machineFilesOf } from './firmware-devices.ts';
import { cmdlineOf, kernelOf, parameterOf } from './kernel-spec.ts';
import type { Session } from './session.ts';
import { type SessionStimulus, stimuliOf } from './stimuli.ts';
import type { SysfsSnapshot } from './sysfs-file.ts';

/** What a session was given: everything an emulated run of it starts from. */
export interface Derived {
  readonly machine: Machine;
  readonly kernel: KernelSpec;
  /** The boot, the actions, and the timer where it falls due between them. */
  readonly stimuli: readonly SessionStimulus[];
}

/**
 * The machine, the kernel and the stimuli of a session.
 *
 * Only inputs are read: firmware tables, PCI configuration, modaliases, the drivers that exist and
 * the order they registered in, the configuration, the command line, the commands. Of snapshots only
 * the names and ids of devices, and of those only what hardware has: never drivers bound, groups,
 * error codes or counts. `twin` is another session on the same machine, asked for what is missing.
 *
 * @throws ReprobeError BAD_MACHINE for a firmware table that cannot be read.
 */
export function deriveMachine(session: Session, twin: Session | null = null): Derived {
  const kernel = kernelOf(session, twin);
  const files = machineFilesOf(session, twin);
  const first = firstSnapshot(session) ?? (twin === null ? null : firstSnapshot(twin));
  const firmware = firmwareOf(session, files, first, kernel.version);
  const drivers = driversOf(files.drivers, first, firmware, kernel.version, kernel.config);
  const machine: Machine = {
    firmware: firmware.kind,
    devices: [...firmware.devices, ...firmware.software],
    drivers: [...drivers.builtIn, ...drivers.modular],
    modules: drivers.modules,
    boot: bootOrder(session.dmesg, firmware, drivers.builtIn),
  };
  return { machine, kernel, stimuli: allStimuli(session, kernel) };
}

function firstSnapshot(session: Session): SysfsSnapshot | null {
  return session.snapshots['sysfs-0.txt'] ?? null;
}

function allStimuli(session: Session, kernel: KernelSpec): SessionStimulus[] {
  const boot: SessionStimulus = {
    n: 0,
    background: false,
    uptimeUs: null,
    stimulus: { do: 'boot' },
  };
  const acted = stimuliOf(session.actions?.actions ?? []);
  const last = acted.at(-1)?.n ?? 0;
  const ended = /\breprobe-action: (reboot|poweroff|halt)$/m.test(session.dmesg ?? '');
  const end: SessionStimulus[] = ended
    ? [{ n: last + 1, background: false, uptimeUs: null, stimulus: { do: 'shutdown' } }]
    : [];
  const endUs = session.actions?.timeline.at(-1)?.uptimeUs ?? 0;
  const timed = withTimeout(acted, bootedUs(session), timeoutSeconds(session, kernel), endUs);
  return [boot, ...timed, ...end];
}

/** Kernel: drivers/base/dd.c: deferred_probe_timeout's default is 10 s with modules, else none. */
function timeoutSeconds(session: Session, kernel: KernelSpec): number {
  const given = parameterOf(cmdlineOf(session), 'deferred_probe_timeout');
  if (given !== null) return Number.parseInt(given, 10) || 0;
  return kernel.config['MODULES'] === 'y' ? 10 : 0;
}

/** When the initcalls were over, by the log's clock. */
function bootedUs(session: Session): number | null {
  const line = /^\[ *(\d+)\.(\d{6})\].*\b(?:Freeing unused kernel|Run \/init)/m;
  const match = line.exec(session.dmesg ?? '');
  return match === null ? null : Number(match[1]) * 1_000_000 + Number(match[2]);
}

/**
 * Puts the expiry of deferred_probe_timeout where it falls due: so many seconds after the boot or
 * after the last module that registered a driver, whichever is later. It expires
 * once, and not at all when the recording ends before.
 */
function withTimeout(
  stimuli: readonly SessionStimulus[],
  bootedAtUs: number | null,
  seconds: number,
  endUs: number,
): SessionStimulus[] {
  if (bootedAtUs === null || seconds <= 0) return [...stimuli];
  const loaded = new Set<string>();
  let dueUs = bootedAtUs + seconds * 1_000_000;
  for (const [at, { stimulus, uptimeUs }] of stimuli.entries()) {
    if (uptimeUs !== null && uptimeUs > dueUs) return insertTimeout(stimuli, at, dueUs);
    if (stimulus.do === 'rmmod') loaded.delete(stimulus.module);
    if (stimulus.do !== 'modprobe' && stimulus.do !== 'insmod') continue;
    if (loaded.has(stimulus.module) || !registersDriver(stimulus.module)) continue;
    loaded.add(stimulus.module);
    dueUs = Math.max(dueUs, (uptimeUs ?? 0) + seconds * 1_000_000);
  }
  return dueUs > endUs ? [...stimuli] : insertTimeout(stimuli, stimuli.length, dueUs);
}

function insertTimeout(
  stimuli: readonly SessionStimulus[],
  at: number,
  uptimeUs: number,
): SessionStimulus[] {
  const n = stimuli[at - 1]?.n ?? 0;
  const timer: SessionStimulus = {
    n,
    background: false,
    uptimeUs,
    stimulus: { do: 'deferred_probe_timeout' },
  };
  return stimuli.toSpliced(at, 0, timer);
}

function registersDriver(module: string): boolean {
  return KNOWN_DRIVERS.some((driver) => driver.module === module);
}
