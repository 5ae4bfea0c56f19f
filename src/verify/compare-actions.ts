/** What the recording's commands returned against what the emulated run returned. */

import type { TaskEnd } from '../engine/tasks.ts';
import type { Stimulus } from '../events/stimulus.ts';
import type { SessionAction } from './actions-file.ts';
import type { EmulatedAction, Emulation } from './emulate.ts';
import type { Session } from './session.ts';
import type { Tally } from './tally.ts';
import type { VfioCall } from './vfio-output.ts';

/** Compares exit statuses, error numbers and the results of VFIO calls. */
export function compareActions(tally: Tally, session: Session, emulation: Emulation): void {
  for (const action of session.actions?.actions ?? []) {
    const emulated = emulation.actions.get(action.n);
    if (emulated === undefined || !hasResult(emulated.stimulus)) continue;
    const end = action.background
      ? (emulation.finished.get(action.n) ?? emulated.end)
      : emulated.end;
    compareAction(tally, action, emulated, end);
    if (action.vfio !== null) compareVfio(tally, action, emulation, emulated.task);
  }
}

/** Does the command's status depend on the model at all? */
function hasResult(stimulus: Stimulus): boolean {
  return stimulus.do !== 'note' && stimulus.do !== 'vfio_release';
}

function compareAction(
  tally: Tally,
  action: SessionAction,
  { stimulus }: EmulatedAction,
  end: TaskEnd,
): void {
  const at = `action ${action.n}`;
  const { rc } = action;
  // What an oops kills dies of a signal; of a background action the recording may not have seen it.
  if (end.kind === 'dead') {
    if (rc !== null || !action.background)
      tally.compare('status', at, action.command, rc ?? BLOCKED, KILLED);
    return;
  }
  const mine = end.kind === 'returned' ? exitStatus(stimulus, end.ret) : BLOCKED;
  tally.compare('status', at, action.command, rc ?? BLOCKED, mine);
  if (stimulus.do === 'vfio') return;
  const errno = end.kind === 'returned' && end.ret < 0 ? -end.ret : null;
  if (action.errno !== null || errno !== null)
    tally.compare('errno', at, action.command, action.errno, errno);
}

const BLOCKED = 'does not return';
/** The exit status of a program that SIGSEGV ended. */
const KILLED = 128 + 11;

/** The exit status that a shell or a program makes of a return value. */
function exitStatus(stimulus: Stimulus, ret: number): number {
  if (stimulus.do === 'vfio') return ret;
  return ret < 0 ? 1 : ret;
}

/** The calls of a VFIO user that the model makes too. */
const SHARED_CALLS = new Set([
  'VFIO_GROUP_GET_STATUS',
  'VFIO_GROUP_SET_CONTAINER',
  'VFIO_SET_IOMMU',
  'VFIO_IOMMU_MAP_DMA',
  'VFIO_GROUP_GET_DEVICE_FD',
]);

function compareVfio(
  tally: Tally,
  action: SessionAction,
  emulation: Emulation,
  task: string,
): void {
  const real = (action.vfio?.calls ?? []).filter(isShared).map(resultOf);
  const mine = emulation.run.scheduler.events.flatMap((recorded) => {
    if (recorded.task !== task || recorded.event.type !== 'syscall.returned') return [];
    const { call, ret, value } = recorded.event;
    return [{ call, errno: ret < 0 ? -ret : null, value }];
  });
  for (let i = 0; i < Math.max(real.length, mine.length); i += 1) {
    const subject = real[i]?.call ?? mine[i]?.call ?? '';
    tally.compare('errno', `action ${action.n}`, subject, real[i] ?? null, mine[i] ?? null);
  }
}

function isShared({ call, target }: VfioCall): boolean {
  return SHARED_CALLS.has(call) || (call === 'open' && target !== '/dev/vfio/vfio');
}

function resultOf({ call, target, errno, values }: VfioCall) {
  const name = call === 'open' ? `open ${target}` : call;
  const flags = call === 'VFIO_GROUP_GET_STATUS' ? values['flags'] : undefined;
  return { call: name, errno, value: flags === undefined ? '' : `flags=${flags}` };
}
