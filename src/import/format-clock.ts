/** The time of each message, of logs whose stamps are not the kernel's own. */
import type { Reading } from './format-reading.ts';

/** Microseconds in a leap year: stamps without a year jump back by one at New Year. */
const YEAR_US = 366 * 86_400 * 1_000_000;

/** Gives the microseconds of one reading after the other: wall clocks count from the first of them. */
export function createClock(): (reading: Reading) => number | null {
  let base: number | null = null;
  let last = 0;
  let years = 0;
  return ({ clock, timeUs }) => {
    if (timeUs === null || clock === 'kernel' || clock === 'none') return timeUs;
    if (clock === 'delta') last += timeUs;
    else {
      base ??= timeUs;
      let since = timeUs - base + years * YEAR_US;
      if (last - since > YEAR_US / 2) {
        years++;
        since += YEAR_US;
      }
      last = since;
    }
    return last;
  };
}
