/**
 * Raw records of /dev/kmsg: `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,caller=T1];text`, then lines
 * ` KEY=value` that belong to the record. Bytes that do not print are `\xNN`.
 *
 * Kernel: Documentation/ABI/testing/dev-kmsg.
 */
import { levelOfPriority, type Reading, reading } from './format-reading.ts';

const HEAD = /^(\d{1,5}),\d{1,20},(\d{1,15}),([^;,]{0,8})((?:,[^;,]{1,80}){0,8});/;
const CALLER = /,caller=([^,]{1,60})/;
const DICT = /^ ([A-Z_][A-Z0-9_]{0,40})=(.*)$/;
const ESCAPES = /(?:\\x[0-9a-fA-F]{2})+/g;

export function readKmsgLine(line: string): Reading | null {
  const head = HEAD.exec(line);
  if (head === null) return null;
  const [whole, priority = '', time, flags = '', options = ''] = head;
  return reading({
    format: 'kmsg',
    clock: 'kernel',
    timeUs: Number(time),
    level: levelOfPriority(priority),
    caller: CALLER.exec(options)?.[1] ?? null,
    text: unescaped(line.slice(whole.length)),
    // Kernels before 4.10 flag the first piece of a line `c` and those that follow `+`.
    continues: flags === '+',
  });
}

/** A line ` KEY=value` after a record; null if it is none. */
export function readKmsgDict(
  line: string,
): { readonly key: string; readonly value: string } | null {
  const match = line.startsWith(' ') ? DICT.exec(line) : null;
  if (match === null) return null;
  return { key: match[1] ?? '', value: unescaped(match[2] ?? '') };
}

function unescaped(text: string): string {
  if (!text.includes('\\x')) return text;
  return text.replace(ESCAPES, (run) => {
    const bytes = run.match(/[0-9a-fA-F]{2}/g) ?? [];
    return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16)));
  });
}
