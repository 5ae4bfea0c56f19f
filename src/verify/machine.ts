import type { KernelSpec, Machine } from '../events/machine.ts';
import type { SysfsSnapshot } from '../import/sysfs-file.ts';
import { bootOrder } from './boot-order.ts';
import { driverRowsOf, driversOf } from './drivers.ts';
import { firmwareOf, machineFilesOf } from './firmware-devices.ts';
import { kernelOf } from './kernel-spec.ts';
import type { Session } from './session.ts';

/** What a session ran on. */
export interface Derived {
  readonly machine: Machine;
  readonly kernel: KernelSpec;
}

/**
 * The machine and the kernel of a session.
 *
 * Only inputs are read: firmware tables, PCI configuration, modaliases, the drivers that exist and
 * the order they registered in, the configuration, the command lines, the commands. Of snapshots only
 * the names and ids of devices, and of those only what hardware has, and which modules were loaded
 * before the first action: never drivers bound, groups, error codes or counts. `twin` is another
 * session on the same machine, asked for what is missing.
 *
 * @throws ReprobeError BAD_MACHINE for a firmware table that cannot be read.
 */
export function deriveMachine(session: Session, twin: Session | null = null): Derived {
  const kernel = kernelOf(session, twin);
  const files = machineFilesOf(session, twin);
  const first = firstSnapshot(session) ?? (twin === null ? null : firstSnapshot(twin));
  const firmware = firmwareOf(session, files, first, kernel.version);
  const rows = driverRowsOf(session, twin, first);
  const drivers = driversOf(rows, firmware, kernel, new Set(loadedModules(session)));
  const machine: Machine = {
    firmware: firmware.kind,
    devices: [...firmware.devices, ...firmware.software],
    drivers: [...drivers.builtIn, ...drivers.modular],
    modules: drivers.modules,
    ...(firmware.dmar === null ? {} : { dmar: firmware.dmar }),
    boot: bootOrder(session.dmesg, firmware, drivers.builtIn, kernel.cmdline),
  };
  return { machine, kernel };
}

/** The modules that were there before the first action, in the order in which they came. */
export function loadedModules(session: Session): readonly string[] {
  return (firstSnapshot(session)?.modules ?? []).map(({ name }) => name).reverse();
}

function firstSnapshot(session: Session): SysfsSnapshot | null {
  return session.snapshots['sysfs-0.txt'] ?? null;
}
