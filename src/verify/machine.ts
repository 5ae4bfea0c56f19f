import type { KernelSpec, Machine } from '../events/machine.ts';
import { bootOrder } from './boot-order.ts';
import { driverRowsOf, driversOf } from './drivers.ts';
import { firmwareOf, machineFilesOf } from './firmware-devices.ts';
import { kernelOf } from './kernel-spec.ts';
import type { Session } from './session.ts';
import { type SessionStimulus, stimuliOf } from './stimuli.ts';
import type { SysfsSnapshot } from './sysfs-file.ts';

/** What a session was given: everything an emulated run of it starts from. */
export interface Derived {
  readonly machine: Machine;
  readonly kernel: KernelSpec;
  /** The boot, the actions, and the shutdown where the script ended with one. */
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
  const rows = driverRowsOf(session, twin, first);
  const drivers = driversOf(rows, firmware, kernel);
  const machine: Machine = {
    firmware: firmware.kind,
    devices: [...firmware.devices, ...firmware.software],
    drivers: [...drivers.builtIn, ...drivers.modular],
    modules: drivers.modules,
    boot: bootOrder(session.dmesg, firmware, drivers.builtIn, kernel.cmdline),
  };
  return { machine, kernel, stimuli: allStimuli(session) };
}

function firstSnapshot(session: Session): SysfsSnapshot | null {
  return session.snapshots['sysfs-0.txt'] ?? null;
}

function allStimuli(session: Session): SessionStimulus[] {
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
  return [boot, ...acted, ...end];
}
