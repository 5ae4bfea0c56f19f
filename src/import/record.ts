/** What a log file is once its format is out of the way: records in the order of the file. */
import type { PrintkLevel } from '../events/terms.ts';

/** How a file wraps what the kernel printed; the names are those of `import --json`. */
export type LogFormat =
  /** `[    1.234567] text`, as `dmesg` prints it. */
  | 'dmesg'
  /** `[Tue Jan 20 10:17:44 2026] text`, also the ISO and relative stamps of `--time-format`. */
  | 'dmesg-T'
  /** `kern  :info  : [    1.234567] text` */
  | 'dmesg-x'
  /** `<6>[    1.234567] text`, also a pstore record. */
  | 'dmesg-r'
  /** `May  6 08:38:08 host kernel: [  161.412400] text`, classic or ISO stamps. */
  | 'syslog'
  /** `journalctl -o short` and its relatives. */
  | 'journal'
  /** `journalctl -o json`, also `dmesg --json`. */
  | 'journal-json'
  /** `6,98,218056,-;text` with ` KEY=value` lines, as /dev/kmsg gives them. */
  | 'kmsg'
  /** A capture of a serial console: firmware text, carriage returns, escape sequences. */
  | 'serial'
  /** `logcat -b kernel` */
  | 'logcat'
  /** A mail that quotes a log: `> [    1.234567] text`. */
  | 'quoted'
  /** No stamps at all. */
  | 'plain';

/** One message of the log. */
export interface LogRecord {
  /** Its place: the line of the file on which it begins, counted from 1, as if its pieces were in order. */
  readonly line: number;
  /** That line as it stands in the file; absent where it is the same. */
  readonly fileLine?: number;
  /**
   * Microseconds. The kernel's own clock where the log has it; of a log with wall clock stamps only,
   * the time since its first stamped record; else null.
   */
  readonly timeUs: number | null;
  readonly level: PrintkLevel | null;
  /** The context that printed: `T1` a task, `C0` an interrupt on a CPU, or what a vendor prints. */
  readonly caller: string | null;
  /** The message, with its `driver device: ` prefix. */
  readonly text: string;
  /** The device's subsystem and name as structured logs tell them: `pci`, `0000:00:01.0`. */
  readonly subsystem: string | null;
  readonly device: string | null;
  /** Counted from 0: a file may hold several boots. */
  readonly boot: number;
  /**
   * Repeats an earlier record of the same boot, stamp and text: a console that was registered late
   * prints the whole log again, and so does `dmesg` typed in a captured shell.
   */
  readonly replay: boolean;
}

/** The line of the file at which to find the record. */
export function shownLine({ line, fileLine }: Pick<LogRecord, 'line' | 'fileLine'>): number {
  return fileLine ?? line;
}

/** What is said of a log as a whole. */
export interface LogTotals {
  readonly format: LogFormat;
  /** Lines of the file. */
  readonly lines: number;
  /** Lines that are neither empty, nor a record, nor part of one. */
  readonly skipped: number;
}

export interface ParsedLog extends LogTotals {
  readonly records: readonly LogRecord[];
}
