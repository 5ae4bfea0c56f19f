/** When two ends of a run are the same. */
import { partsOf } from '../engine/rest.ts';
import type { Run } from '../engine/run.ts';
import type { Machine } from '../events/machine.ts';
import type { ReadState } from '../model/state/state.ts';

/**
 * What two runs that end in the same state have in common: every field of the state, the order of
 * lists and tables included, and who waits for what. What was printed is not part of it, nor in which
 * order things happened, nor what programs were told.
 *
 * Cost: linear in the state.
 */
export function finalKey(run: Run): string {
  const waiting = run.scheduler.events.flatMap(({ event, task }) =>
    event.type === 'task.blocked' && run.scheduler.endOf(task).kind === 'blocked'
      ? [`${task}: ${event.on}`]
      : [],
  );
  const { machine } = run.system;
  return digest(`${stateText(run.state, machine)}\n${[...new Set(waiting)].sort().join('\n')}`);
}

/** What also decides how a run goes on from a rest. */
export function attemptsKey(attempts: ReadonlyMap<string, number>): string {
  return digest(JSON.stringify([...attempts].sort()));
}

/** The state as text; of what it has from the machine only which part that is. */
function stateText(state: ReadState, machine: Machine): string {
  const parts = partsOf(machine);
  return JSON.stringify(state, (_, value: unknown) =>
    typeof value === 'object' && value !== null && parts.has(value) ? nameOf(value) : value,
  );
}

function nameOf(part: object): string {
  return 'name' in part ? `the ${String(part.name)} of the machine` : JSON.stringify(part);
}

/** 128 bits of a text, as text. */
function digest(text: string): string {
  const lanes = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    for (const [n, lane] of lanes.entries())
      lanes[n] = Math.imul(lane ^ code, PRIMES[n] ?? 1) ^ ((lanes[(n + 1) & 3] ?? 0) >>> 15);
  }
  return lanes.map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
}

const PRIMES: readonly number[] = [0x01000193, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f];
