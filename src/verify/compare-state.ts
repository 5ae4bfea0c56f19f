/** Snapshots of sysfs against the emulated state at the same moment. */
import { createHistory, stateAfter } from '../engine/history.ts';
import { checksOf } from '../import/end-state.ts';
import type { Emulation } from './emulate.ts';
import type { Session } from './session.ts';
import type { Tally } from './tally.ts';

/** Compares every snapshot that the recording holds. */
export function compareSnapshots(tally: Tally, session: Session, emulation: Emulation): void {
  const history = createHistory(emulation.run.scheduler.events);
  for (const [file, count] of emulation.snapshots) {
    const snapshot = session.snapshots[file];
    if (snapshot === undefined) continue;
    const state = stateAfter(history, count);
    for (const { check, subject, expected, actual } of checksOf(snapshot, state))
      tally.compare(check, file, subject, expected, actual);
  }
}
