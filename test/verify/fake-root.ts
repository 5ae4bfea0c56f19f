// A root directory with the /sys, /proc and /dev of a recorded session, for the capture script to read:
// a folder for the state before the first command and one after each, and a link to the present one.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { SysfsSnapshot } from '../../src/import/sysfs-file.ts';
import type { Session } from '../../src/verify/session.ts';

export interface FakeRoot {
  /** The link that ROOT is set to. */
  readonly root: string;
  /** The program that RUN is set to: it does what the recording saw the next command do. */
  readonly run: string;
  /** A folder of programs: the `sync` after each state moves the clock to the next command. */
  readonly bin: string;
  readonly commands: readonly string[];
}

/** The files of a recording as they lie in its folder, unpacked. */
export type SessionFiles = Readonly<Record<string, Uint8Array>>;

/** Builds the root of a session below `dir`, every state of it. */
export function fakeRoot(dir: string, session: Session, files: SessionFiles): FakeRoot {
  const actions = session.actions?.actions ?? [];
  const log = kmsgByAction(session.dmesg ?? '');
  const kmsg = join(dir, 'kmsg');
  write(kmsg, log.get(0) ?? '');
  let state = 'sysfs-0.txt';
  const states = [0, ...actions.map(({ n }) => n)];
  for (const [i, n] of states.entries()) {
    if (session.snapshots[`sysfs-${n}.txt`] !== undefined) state = `sysfs-${n}.txt`;
    const snapshot = session.snapshots[state];
    if (snapshot === undefined) throw new Error(`${session.name} has no state ${n}`);
    const root = join(dir, `root-${i}`);
    machine(root, session, files, snapshot);
    fill(root, snapshot, text(files, state));
    const now = snapshot.uptimeUs ?? 0;
    write(join(root, 'proc/uptime'), seconds(now));
    write(join(dir, `uptime-${i}`), seconds(actions[i]?.uptimeUs ?? now));
    mkdirSync(join(root, 'dev'), { recursive: true });
    symlinkSync(kmsg, join(root, 'dev/kmsg'));
  }
  for (const [i, { n, stdout, stderr, rc }] of actions.entries()) {
    write(join(dir, `out-${i + 1}`), stdout.map((line) => `${line}\n`).join(''));
    write(join(dir, `err-${i + 1}`), stderr.map((line) => `${line}\n`).join(''));
    write(join(dir, `rc-${i + 1}`), `${rc ?? 0}\n`);
    write(join(dir, `kmsg-${i + 1}`), log.get(n) ?? '');
  }
  const root = join(dir, 'root');
  symlinkSync('root-0', root);
  const run = join(dir, 'run.sh');
  const bin = join(dir, 'bin');
  program(run, runner(dir));
  program(join(bin, 'sync'), clock(dir));
  return { root, run, bin, commands: actions.map(({ command }) => command) };
}

/** The next command is done: its log lines, the state after it, what it printed, its exit status. */
const runner = (dir: string): string => `#!/bin/sh
cd '${dir}' || exit 1
n=0
[ -f count ] && read -r n <count
n=$((n + 1))
echo "$n" >count
cat "kmsg-$n" >>kmsg
rm -f root
ln -s "root-$n" root
cat "out-$n"
cat "err-$n" >&2
read -r rc <"rc-$n"
exit "$rc"
`;

const clock = (dir: string): string => `#!/bin/sh
cd '${dir}' || exit 1
n=0
[ -f count ] && read -r n <count
cat "uptime-$n" >root/proc/uptime
`;

function program(path: string, script: string): void {
  write(path, script);
  chmodSync(path, 0o755);
}

const STAMPED = /^\[\s*(\d+)\.(\d{6})\] (.*)$/;
const ACTION = /^reprobe-action: (\d+): /;

/** The log as records of /dev/kmsg, by the action that a line belongs to; 0 is the boot. */
function kmsgByAction(dmesg: string): ReadonlyMap<number, string> {
  const records = new Map<number, string>();
  let action = 0;
  for (const [i, line] of dmesg.split('\n').entries()) {
    const [, seconds, micros, message = ''] = STAMPED.exec(line) ?? [];
    if (seconds === undefined) continue;
    const mark = ACTION.exec(message)?.[1];
    if (mark !== undefined) action = Number(mark);
    const escaped = message.replaceAll('\\', '\\x5c').replaceAll('\t', '\\x09');
    const record = `6,${i},${Number(seconds + micros)},-;${escaped}\n SUBSYSTEM=fake\n`;
    records.set(action, (records.get(action) ?? '') + record);
  }
  return records;
}

/** What does not change: firmware, configuration, drivers with their files, kernel. */
function machine(
  root: string,
  session: Session,
  files: SessionFiles,
  snapshot: SysfsSnapshot,
): void {
  const [release = '', ...version] = (session.actions?.kernel ?? '').split(' ');
  write(join(root, 'proc/sys/kernel/osrelease'), `${release}\n`);
  write(join(root, 'proc/sys/kernel/version'), `${version.join(' ')}\n`);
  write(join(root, 'proc/cmdline'), `${session.procCmdline ?? ''}\n`);
  copy(files['machine-fdt.dtb'], join(root, 'sys/firmware/fdt'));
  for (const table of ['IORT', 'DMAR'])
    copy(files[`machine-${table}.bin`], join(root, 'sys/firmware/acpi/tables', table));
  const config = files['machine-config'];
  if (config !== undefined) copy(gzipSync(config), join(root, 'proc/config.gz'));
  copy(files['kprobe.txt'], join(root, 'sys/kernel/tracing/trace'));
  write(join(root, 'sys/kernel/tracing/kprobe_events'), '');
  write(join(root, 'sys/kernel/tracing/events/reprobe/enable'), '0\n');
  for (const { bus, name, module, bind } of session.machine.drivers ?? []) {
    const driver = join(root, 'sys/bus', bus, 'drivers', name);
    mkdirSync(driver, { recursive: true });
    if (bind) write(join(driver, 'bind'), '');
    if (module !== null) symlinkSync(`/sys/module/${module}`, join(driver, 'module'));
  }
  const free = new Map<string, string[]>();
  for (const { name, path } of snapshot.devices) free.set(name, [...(free.get(name) ?? []), path]);
  for (const [i, { name, modalias }] of (session.machine.modalias ?? []).entries()) {
    const path = free.get(name)?.shift() ?? `gone-${i}/${name}`;
    write(join(root, 'sys/devices', path, 'modalias'), `${modalias}\n`);
  }
  for (const [, name = '', words = ''] of text(files, 'machine-pci-config.txt').matchAll(
    /# (\S+)\n([0-9a-f\n]*)/g,
  )) {
    const bytes = (words.match(/[0-9a-f]{8}/g) ?? []).flatMap((word) => [
      ...Buffer.from(word, 'hex').reverse(),
    ]);
    copy(Uint8Array.from(bytes), join(root, 'sys/bus/pci/devices', name, 'config'));
  }
}

function link(target: string, path: string): void {
  mkdirSync(target, { recursive: true });
  symlinkSync(target, path);
}

/** What a snapshot says, as the files that it was read from. */
function fill(root: string, snapshot: SysfsSnapshot, snapshotText: string): void {
  const at = (path: string) => join(root, 'sys', path);
  for (const device of snapshot.devices) {
    const dir = join(at('devices'), device.path);
    write(join(dir, 'uevent'), '');
    const { bus, driver, iommu_group, driver_override, waiting_for_supplier, rpm, id } = device;
    if (bus !== null) link(at(`bus/${bus}`), join(dir, 'subsystem'));
    if (driver !== null) link(at(`bus/${bus}/drivers/${driver}`), join(dir, 'driver'));
    if (iommu_group !== null)
      link(at(`kernel/iommu_groups/${iommu_group}`), join(dir, 'iommu_group'));
    if (bus === 'pci') write(join(dir, 'driver_override'), `${driver_override ?? '(null)'}\n`);
    if (waiting_for_supplier !== null)
      write(join(dir, 'waiting_for_supplier'), `${Number(waiting_for_supplier)}\n`);
    if (rpm !== null) write(join(dir, 'power/runtime_status'), `${rpm}\n`);
    const [vendor, number] = id?.split(':') ?? [];
    if (vendor !== undefined) write(join(dir, 'vendor'), `${vendor}\n`);
    if (number !== undefined) write(join(dir, 'device'), `${number}\n`);
  }
  mkdirSync(at('kernel/iommu_groups'), { recursive: true });
  for (const { id, name, type, devices, reserved_regions } of snapshot.groups) {
    const group = at(`kernel/iommu_groups/${id}`);
    mkdirSync(join(group, 'devices'), { recursive: true });
    if (type !== null) write(join(group, 'type'), `${type}\n`);
    if (name !== null) write(join(group, 'name'), `${name}\n`);
    write(join(group, 'reserved_regions'), reserved_regions === '' ? '' : `${reserved_regions}\n`);
    for (const dev of devices) symlinkSync(`/sys/${dev}`, join(group, 'devices', dev));
  }
  for (const { name, devices } of snapshot.class_iommu) {
    mkdirSync(at(`class/iommu/${name}/devices`), { recursive: true });
    for (const dev of devices) write(at(`class/iommu/${name}/devices/${dev}`), '');
  }
  mkdirSync(at('class/devlink'), { recursive: true });
  for (const { name, status, auto_remove_on, runtime_pm, sync_state_only } of snapshot.devlinks) {
    const values = { status, auto_remove_on, ...numbers({ runtime_pm, sync_state_only }) };
    for (const [file, value] of Object.entries(values))
      write(at(`class/devlink/${name}/${file}`), `${value}\n`);
  }
  write(at('kernel/debug/devices_deferred'), section(snapshotText, '[devices_deferred]'));
  write(join(root, 'proc/modules'), section(snapshotText, '[modules]'));
  for (const [bus, names] of Object.entries(snapshot.drivers))
    for (const name of names) mkdirSync(at(`bus/${bus}/drivers/${name}`), { recursive: true });
  for (const name of snapshot.devVfio) write(join(root, 'dev/vfio', name), '');
}

const numbers = (flags: Readonly<Record<string, boolean>>): Record<string, number> =>
  Object.fromEntries(Object.entries(flags).map(([key, on]) => [key, Number(on)]));

/** The lines of a section of a snapshot, as they stand. */
function section(snapshot: string, name: string): string {
  const lines = snapshot.split('\n');
  const start = lines.indexOf(name) + 1;
  if (start === 0) return '';
  const end = lines.findIndex((line, i) => i >= start && line.startsWith('['));
  const found = lines.slice(start, end < 0 ? undefined : end).filter((line) => line !== '');
  return found.map((line) => `${line}\n`).join('');
}

/** Content of /proc/uptime. */
const seconds = (us: number): string => `${(us / 1_000_000).toFixed(2)} 0.00\n`;

const text = (files: SessionFiles, file: string): string => {
  const bytes = files[file];
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
};

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function copy(bytes: Uint8Array | undefined, path: string): void {
  if (bytes === undefined) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}
