/** The lines of a log that tell which task ran when. */
import { keyOf, observePrintk } from './message-key.ts';
import type { Observation } from './observation.ts';
import type { KeyOfPause, Mark } from './schedule.ts';

/** The key of a line that the model is about to print; a log holds no calls. */
export const keyOfLine: KeyOfPause = (at) => {
  const printed = at.type === 'printk' ? observePrintk(at) : null;
  return printed === null ? null : keyOf(printed);
};

/**
 * The marks of a log by the action that they follow, 0 being the boot.
 *
 * @param actionLines the lines of the actions, in their order.
 */
export function marksOfLog(
  observations: readonly Observation[],
  actionLines: readonly number[],
): ReadonlyMap<number, readonly Mark[]> {
  const marks = new Map<number, Mark[]>([[0, []]]);
  let action = 0;
  for (const observation of observations) {
    const { line, timeUs } = observation.record;
    while (line >= (actionLines[action] ?? Number.POSITIVE_INFINITY)) {
      action += 1;
      marks.set(action, []);
    }
    const key = keyOf(observation);
    if (key !== null) marks.get(action)?.push({ key, isCall: false, timeUs: timeUs ?? 0 });
  }
  return marks;
}
