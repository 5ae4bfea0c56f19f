/** What a recording's script did after the boot, and when. */
import type { TimelineEntry } from './actions-file.ts';
import type { Session } from './session.ts';

/** An entry of the script's timeline; an action has its command. */
export type ScriptStep =
  | Exclude<TimelineEntry, { kind: 'action' }>
  | {
      readonly kind: 'action';
      readonly n: number;
      readonly uptimeUs: number;
      readonly command: string;
    };

/**
 * The steps in their order: from the script's own account, else from what it wrote into the kernel
 * log, which has its actions only.
 */
export function stepsOf({ actions, dmesg }: Session): readonly ScriptStep[] {
  if (actions === null) return stepsOfLog(dmesg ?? '');
  const commands = new Map(actions.actions.map(({ n, command }) => [n, command]));
  return actions.timeline.map((entry) =>
    entry.kind === 'action' ? { ...entry, command: commands.get(entry.n) ?? '' } : entry,
  );
}

const ACTION = /^\[\s*(\d+)\.(\d{6})\] reprobe-action: (\d{1,9}): (?:\(background\) )?(.+)$/gm;

function stepsOfLog(dmesg: string): readonly ScriptStep[] {
  return [...dmesg.matchAll(ACTION)].map(([, seconds, micros, n, command = '']) => ({
    kind: 'action',
    n: Number(n),
    uptimeUs: Number(seconds) * 1_000_000 + Number(micros),
    command,
  }));
}
