import { emptyTable, type Table } from '../events/table.ts';
import {
  type KprobeCall,
  type KprobeEvent,
  kprobeCalls,
  parseKprobes,
} from '../import/kprobe-file.ts';
import { parseSysfs, type SysfsSnapshot } from '../import/sysfs-file.ts';
import { type ActionsFile, parseActionsFile, type SessionAction } from './actions-file.ts';
import { errnoOfText } from './errno-text.ts';
import {
  type DriverRow,
  type ModaliasRow,
  parseConfig,
  parseDriverRows,
  parseModaliasRows,
} from './machine-files.ts';
import { parseVfio, type VfioOutput } from './vfio-output.ts';

/** A recorded session: one boot of a real kernel, what was done to it and what was observed. */
export interface Session {
  readonly name: string;
  /** Kernel log and serial console as text; another room reads log lines. */
  readonly dmesg: string | null;
  readonly kmsg: string | null;
  readonly serial: string | null;
  /** What a person wrote about the session. */
  readonly notes: string | null;
  /** null when the kernel never came to run the script. */
  readonly actions: ActionsFile | null;
  /** Snapshot file name to its contents: `sysfs-0.txt`. */
  readonly snapshots: Table<SysfsSnapshot>;
  readonly kprobes: readonly KprobeEvent[];
  readonly calls: readonly KprobeCall[];
  /** /proc/cmdline. */
  readonly procCmdline: string | null;
  /** The emulator's command line, then the kernel's. */
  readonly cmdline: string | null;
  readonly machine: MachineFiles;
}

/** The files that describe the machine, as far as the folder has them. */
export interface MachineFiles {
  readonly fdt: Uint8Array | null;
  readonly iort: Uint8Array | null;
  readonly dmar: Uint8Array | null;
  readonly pciConfig: string | null;
  readonly modalias: readonly ModaliasRow[] | null;
  readonly drivers: readonly DriverRow[] | null;
  readonly config: Table<string> | null;
}

/**
 * Reads a recorded session from the files of its folder, unpacked, by name without `.gz`.
 *
 * Whatever is missing is null or empty. Text is taken as UTF-8, bytes that are none become U+FFFD.
 *
 * @throws ReprobeError BAD_SESSION with file and line for a file that is not of its format.
 */
export function readSession(files: Readonly<Table<Uint8Array>>, name: string): Session {
  const text = (file: string) => decode(bytesOf(files, file));
  const snapshots = emptyTable<SysfsSnapshot>();
  for (const file of Object.keys(files).sort(byNumber)) {
    if (!/^sysfs-[\w.]+\.txt$/.test(file)) continue;
    snapshots[file] = parseSysfs(text(file) ?? '', file);
  }
  const actions = text('actions.txt');
  const kprobes = parseKprobes(text('kprobe.txt') ?? '');
  return {
    name,
    dmesg: text('dmesg.txt'),
    kmsg: text('kmsg.txt'),
    serial: text('serial.txt'),
    notes: text('NOTES.md'),
    actions: actions === null ? null : withBackground(parseActionsFile(actions), text),
    snapshots,
    kprobes,
    calls: kprobeCalls(kprobes),
    procCmdline: text('proc-cmdline.txt')?.trimEnd() ?? null,
    cmdline: text('cmdline.txt'),
    machine: machineFiles(files, text),
  };
}

function machineFiles(
  files: Readonly<Table<Uint8Array>>,
  text: (file: string) => string | null,
): MachineFiles {
  const modalias = text('machine-modalias.txt');
  const drivers = text('machine-drivers.txt');
  const config = text('machine-config');
  return {
    fdt: bytesOf(files, 'machine-fdt.dtb'),
    iort: bytesOf(files, 'machine-IORT.bin'),
    dmar: bytesOf(files, 'machine-DMAR.bin'),
    pciConfig: text('machine-pci-config.txt'),
    modalias: modalias === null ? null : parseModaliasRows(modalias),
    drivers: drivers === null ? null : parseDriverRows(drivers),
    config: config === null ? null : parseConfig(config),
  };
}

/** The whole output of a background action stands in a file of its own; the log may have part of it. */
function withBackground(log: ActionsFile, text: (file: string) => string | null): ActionsFile {
  const actions = log.actions.map((action): SessionAction => {
    const output = action.background ? text(`bg-${action.n}.txt`) : null;
    if (output === null) return action;
    const stdout = output.split('\n').filter((line) => line !== '');
    if (stdout.length < action.stdout.length) return action;
    const vfio: VfioOutput | null = action.vfio === null ? null : parseVfio(stdout);
    const errno = stdout.map(errnoOfText).find((candidate) => candidate !== null) ?? null;
    return { ...action, stdout, errno, vfio };
  });
  return { ...log, actions };
}

function bytesOf(files: Readonly<Table<Uint8Array>>, file: string): Uint8Array | null {
  return Object.hasOwn(files, file) ? (files[file] ?? null) : null;
}

function decode(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** `sysfs-9.txt` before `sysfs-10.txt`, and `sysfs-end.txt` last. */
function byNumber(a: string, b: string): number {
  const [x, y] = [a, b].map((file) =>
    Number(/^sysfs-(\d+(?:\.\d+)?)\.txt$/.exec(file)?.[1] ?? 1e9),
  );
  return (x ?? 0) - (y ?? 0) || (a < b ? -1 : a > b ? 1 : 0);
}
