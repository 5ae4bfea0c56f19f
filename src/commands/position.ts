import { ReprobeError } from '../error.ts';
import type { Trace } from '../events/trace.ts';
import { counted } from '../report/line.ts';

/**
 * The number of the event that a flag names: `17`, or a time of the log in seconds, `12.5` or `12s`,
 * which means the last event not later.
 *
 * @throws ReprobeError USAGE when it names none.
 */
export function eventNumber(given: string, { events }: Trace): number {
  const [, digits, isTime] = /^#?(\d+(\.\d+)?)s?$/.exec(given) ?? [];
  if (digits === undefined) {
    throw new ReprobeError('USAGE', `'${given}' is neither an event's number nor a time.`, {
      hint: 'for example 17, 12.5 or 12s',
    });
  }
  if (isTime === undefined && !given.endsWith('s')) {
    const event = Number(digits);
    if (event < events.length) return event;
    throw new ReprobeError('USAGE', `There is no event ${digits}.`, {
      hint: `the source has ${counted(events.length, 'event')}, numbered from 0`,
    });
  }
  const limit = Math.round(Number(digits) * 1e6);
  const event = events.findLastIndex(({ timeUs }) => timeUs !== null && timeUs <= limit);
  if (event >= 0) return event;
  throw new ReprobeError('USAGE', `No event happened by ${given}.`, {
    hint: 'times are those of the log, in seconds; a scenario has none',
  });
}
