/** The lines of a recorded log by the action that they follow. */
import { parseLog } from '../import/format.ts';
import type { Observation } from '../import/observation.ts';
import { recognise } from '../import/recognise.ts';
import type { LogRecord } from '../import/record.ts';

/** Stands in the place of an action's number for what the kernel did as it went down. */
export const SHUTDOWN = Number.MAX_SAFE_INTEGER;

export interface LoggedLine {
  /** The last action begun before it; 0 is the boot. */
  readonly action: number;
  readonly record: LogRecord;
  readonly observation: Observation | null;
}

/** The lines of the first boot, in their order. */
export function* linesByAction(dmesg: string): Generator<LoggedLine> {
  let action = 0;
  for (const record of parseLog(new TextEncoder().encode(dmesg)).records) {
    if (record.boot > 0 || record.replay) continue;
    const observation = recognise(record);
    if (observation?.kind === 'kernel.shutdown' || observation?.kind === 'device.shutdown')
      action = SHUTDOWN;
    const n = observation?.kind === 'user.action' ? observation.fields['n'] : undefined;
    if (n !== undefined) action = Number(n);
    yield { action, record, observation };
  }
}
