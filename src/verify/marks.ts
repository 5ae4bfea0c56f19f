/** What a recording shows of the order in which things happened. */

import { keyOfCall } from '../import/call-key.ts';
import { keyOfLine } from '../import/log-marks.ts';
import { INITCALLS, initcallKey, keyOfModelCall } from '../import/model-calls.ts';
import type { KeyOfPause, Mark } from '../import/schedule.ts';
import { linesOfLog } from './compare-messages.ts';
import type { Session } from './session.ts';

/**
 * The marks of a session by action, 0 being the boot, in the order of their time. The kernel stamps
 * lines and calls by one clock; two processors may stamp lines against their order in the log.
 *
 * @param withCalls takes the kprobes too, without them lines only.
 */
export function marksOf(
  session: Session,
  withCalls: boolean,
): ReadonlyMap<number, readonly Mark[]> {
  const marks = new Map<number, Mark[]>();
  const add = (action: number, mark: Mark): void => {
    const list = marks.get(action);
    if (list === undefined) marks.set(action, [mark]);
    else list.push(mark);
  };
  let now = 0;
  for (const [action, lines] of linesOfLog(session.dmesg ?? ''))
    for (const { key, timeUs } of lines) {
      now = Math.max(now, timeUs ?? 0);
      add(action, { key, isCall: false, timeUs: now });
    }
  for (const mark of initcallMarks(session.dmesg ?? '', marks.get(0) ?? [])) add(0, mark);
  for (const call of withCalls ? session.calls : []) {
    const key = keyOfCall(call);
    if (key !== null) add(call.action, { key, isCall: true, timeUs: call.timeUs });
  }
  for (const list of marks.values()) list.sort((a, b) => a.timeUs - b.timeUs);
  return marks;
}

const CALLING = /^\[\s*(\d+)\.(\d{6})\] calling {2}(\w+)\+/gm;

/** When initcalls were called, as the log shows or lets conclude. */
function initcallMarks(dmesg: string, lines: readonly Mark[]): readonly Mark[] {
  const shown = [...dmesg.matchAll(CALLING)].flatMap(([, seconds, micros, name = '']): Mark[] =>
    INITCALLS.has(name) ? [markOf(name, Number(seconds) * 1_000_000 + Number(micros))] : [],
  );
  return shown.length > 0 ? shown : sysfsMark(lines);
}

const markOf = (initcall: string, timeUs: number): Mark => ({
  key: initcallKey(initcall),
  isCall: false,
  timeUs,
});

/**
 * A PCI function whose files are made twice was there when pci_sysfs_init made them all, and was
 * added after that: it was called right after the last of these functions was found.
 */
function sysfsMark(lines: readonly Mark[]): readonly Mark[] {
  const twice = new Set(
    lines.flatMap(({ key }) =>
      key.startsWith('sysfs.duplicate ') ? (key.split('/').at(-2) ?? []) : [],
    ),
  );
  const found = lines.findLast(
    ({ key }) => key.startsWith('pci.device ') && twice.has(key.split(' ')[2] ?? ''),
  );
  return found === undefined ? [] : [markOf('pci_sysfs_init', found.timeUs)];
}

/** The key of a line or of a probed call. */
export const keyOfPause: KeyOfPause = (at) => {
  if (at.type === 'call') return keyOfModelCall(at.name, at.args);
  return keyOfLine(at);
};
