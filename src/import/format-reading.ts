/** What one line of a log says, before lines are put together to records. */
import { PRINTK_LEVELS, type PrintkLevel } from '../events/terms.ts';
import type { LogFormat } from './record.ts';

/** The clock that a stamp was read from; stamps of different clocks cannot be compared. */
export type Clock = 'kernel' | 'wall' | 'delta' | 'none';

export interface Reading {
  readonly format: LogFormat;
  readonly clock: Clock;
  /** Microseconds: since boot, since 1970, or since the line before, as `clock` says. */
  readonly timeUs: number | null;
  readonly level: PrintkLevel | null;
  readonly caller: string | null;
  readonly text: string;
  readonly subsystem: string | null;
  readonly device: string | null;
  /** Printed by a program of user space, not by the kernel. */
  readonly userSpace: boolean;
  /** The rest of the line that the reading before began. */
  readonly continues: boolean;
}

/** Spelled out: this runs for every line, and spread objects take ten times as long. */
export function reading(fields: Partial<Reading>): Reading {
  return {
    format: fields.format ?? 'plain',
    clock: fields.clock ?? 'none',
    timeUs: fields.timeUs ?? null,
    level: fields.level ?? null,
    caller: fields.caller ?? null,
    text: fields.text ?? '',
    subsystem: fields.subsystem ?? null,
    device: fields.device ?? null,
    userSpace: fields.userSpace ?? false,
    continues: fields.continues ?? false,
  };
}

/** The level in the low three bits of a syslog priority, whose other bits are the facility. */
export function levelOfPriority(priority: string): PrintkLevel | null {
  if (priority === '') return null;
  const value = Number(priority);
  return Number.isSafeInteger(value) ? (PRINTK_LEVELS[value % 8] ?? null) : null;
}

/** The name of a device in its uevent form: `+pci:0000:00:01.0` is `0000:00:01.0`. */
export function deviceOfUevent(value: string): string {
  if (!value.startsWith('+')) return value;
  return value.slice(value.indexOf(':') + 1);
}
