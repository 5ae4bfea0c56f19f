import { emptyTable, type Table } from '../events/table.ts';

/** One system call of the VFIO user and what the kernel gave back. */
export interface VfioCall {
  /** `open`, `pread`, or the ioctl's name: `VFIO_GROUP_GET_STATUS`. */
  readonly call: string;
  /** What it was done to: the path opened, or `group`, `container`, `device`, `config`. */
  readonly target: string;
  /** The other arguments as printed. */
  readonly args: string;
  /** The call's result; -1 when it failed. */
  readonly ret: number;
  /** The positive error number of a failed call, else null. */
  readonly errno: number | null;
  /** What the answer held: `flags`, `viable`, `container_set`, `regions`, `irqs`, `vendor:device`. */
  readonly values: Table<string>;
}

/** What a VFIO user printed: its calls in order, and whether it came to hold and to let go. */
export interface VfioOutput {
  readonly calls: readonly VfioCall[];
  /** It has everything it asked for and keeps it open. */
  readonly holding: boolean;
  /** It was told to let go. */
  readonly releasing: boolean;
}

const CALL = /^(\w+)\((.*)\) = (-?\d+)(?: errno=(\d+).*)?$/;
const VALUE = /(\S+?) ?= ?(\S+)/g;

/** Reads the output of the `lab vfio` helper; lines that are none of its own are passed over. */
export function parseVfio(lines: readonly string[]): VfioOutput {
  const calls: VfioCall[] = [];
  for (const line of lines) {
    const call = CALL.exec(line.trim());
    const last = calls.at(-1);
    if (call !== null) calls.push(readCall(call));
    else if (line.startsWith('  ') && last !== undefined) readValues(line, last.values);
  }
  return {
    calls,
    holding: lines.some((line) => line.trim() === 'HOLDING'),
    releasing: lines.some((line) => line.trim() === 'RELEASING'),
  };
}

function readCall(match: RegExpExecArray): VfioCall {
  const [, name = '', inside = '', ret = '', errno] = match;
  const parts = inside.split(', ');
  const target = unquote(parts[0] ?? '');
  const ioctl = name === 'ioctl' && parts.length > 1;
  return {
    call: ioctl ? (parts[1] ?? '') : name,
    target,
    args: parts
      .slice(ioctl ? 2 : 1)
      .map(unquote)
      .join(', '),
    ret: Number(ret),
    errno: errno === undefined ? null : Number(errno),
    values: emptyTable(),
  };
}

function readValues(line: string, values: Table<string>): void {
  for (const [, key = '', value = ''] of line.matchAll(VALUE)) values[key] = value;
}

function unquote(text: string): string {
  return text.replace(/^"(.*)"$/, '$1');
}
