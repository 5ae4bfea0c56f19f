/** What a user gives beside a log: files of the running system that say more than it. */
import { ReprobeError } from '../error.ts';
import type { Table } from '../events/table.ts';
import { readTraced, type Traced } from './ftrace-events.ts';
import { isTraceLine } from './ftrace-file.ts';
import { parseKernelConfig } from './kernel-config.ts';
import { type DeferredEntry, deferredEntry, parseSysfs, type SysfsSnapshot } from './sysfs-file.ts';

/** A file of one of the kinds that there are, told by its content. */
export type EvidenceFile =
  /** /sys/kernel/debug/devices_deferred. */
  | {
      readonly kind: 'deferred';
      readonly file: string;
      readonly entries: readonly DeferredEntry[];
    }
  /** The state of sysfs as the capture script lists it. */
  | { readonly kind: 'sysfs'; readonly file: string; readonly snapshot: SysfsSnapshot }
  /** The text of a trace with tracepoints of the IOMMU core or kprobes. */
  | { readonly kind: 'ftrace'; readonly file: string; readonly traced: Traced }
  /** A kernel's .config. */
  | {
      readonly kind: 'config';
      readonly file: string;
      readonly config: Readonly<Table<string>>;
    };

export type EvidenceKind = EvidenceFile['kind'];

const KINDS =
  'it is none of: devices_deferred, a sysfs listing of `reprobe capture`, the text of a trace, ' +
  'a kernel .config';

/**
 * Reads a file of evidence. An empty one is a list of deferred devices without entries, as the
 * kernel's file is where nothing waits.
 *
 * @throws ReprobeError BAD_EVIDENCE with the first line that decides it, for a file that is of no kind
 * or not whole; BAD_SESSION for a line of a listing that is not of its section.
 */
export function readEvidence(text: string, file: string): EvidenceFile {
  switch (kindOf(text)) {
    case 'sysfs':
      return { kind: 'sysfs', file, snapshot: parseSysfs(text, file) };
    case 'ftrace':
      return { kind: 'ftrace', file, traced: readTraced(text, file) };
    case 'config':
      return { kind: 'config', file, config: parseKernelConfig(text) };
    case 'deferred':
      return { kind: 'deferred', file, entries: readDeferred(text, file) };
    case null:
      throw noEvidence(text, file);
  }
}

const SYSFS =
  /^\[(?:devices|iommu_groups|class_iommu|devices_deferred|devlink|modules|drivers)\]$/m;
const CONFIG = /^(?:CONFIG_\w+=|# CONFIG_\w+ is not set$)/m;
const TRACER = /^# tracer: /m;
/** So far the lines that tell the kind are looked for. */
const HEAD_CHARS = 1 << 20;

function kindOf(text: string): EvidenceKind | null {
  const head = text.slice(0, HEAD_CHARS).replaceAll('\r\n', '\n');
  if (SYSFS.test(head)) return 'sysfs';
  if (CONFIG.test(head)) return 'config';
  if (TRACER.test(head) || head.split('\n').some(isTraceLine)) return 'ftrace';
  const lines = head.split('\n').filter((line) => line !== '');
  return lines.length === 0 || DEFERRED.test(lines[0] ?? '') ? 'deferred' : null;
}

/** The kernel prints a tab behind each device, whether or not there is a reason. */
const DEFERRED = /^[^\s[\]<>]{1,200}\t/;

function readDeferred(text: string, file: string): readonly DeferredEntry[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.replace(/\r$/, '');
    if (line === '') return [];
    if (DEFERRED.test(line)) return [deferredEntry(line, index + 1)];
    throw new ReprobeError('BAD_EVIDENCE', 'This is not a line of devices_deferred.', {
      file,
      line: index + 1,
      column: Math.max(1, line.search(/\s/) + 1),
      sourceLine: line,
      hint: 'each line is a device, a tab, and the reason, which may be empty',
    });
  });
}

function noEvidence(text: string, file: string): ReprobeError {
  const lines = text.split('\n');
  const at = Math.max(
    0,
    lines.findIndex((line) => line.trim() !== ''),
  );
  const sourceLine = (lines[at] ?? '').slice(0, 200);
  const column = Math.max(1, sourceLine.search(/\S/) + 1);
  const message = 'The file is no evidence that can stand beside a log.';
  const place = { file, line: at + 1, column, sourceLine, hint: KINDS };
  return new ReprobeError('BAD_EVIDENCE', message, place);
}
