/** The machine of a run as the file that `--machine` reads back. */
import type { Machine } from '../events/machine.ts';
import { driverKnowledge } from '../scenario/known-drivers.ts';
import { printMachine } from '../scenario/print.ts';

/**
 * The machine as YAML below a head of comments. `again` is the command that takes the file back.
 * Nothing that a name holds ends its comment.
 */
export function machineText(machine: Machine, source: string, again: string): string {
  const head = [
    `The machine of ${source}: of a log the least that explains its lines.`,
    'Logs do not print ACS: it is read out of the groups. An id `seen:DEVICE` ties a driver to a',
    'device that the log shows it on. `reprobe list keys` says what the keys mean. Correct what you',
    'know better, and give the file back:',
    `  ${again}`,
  ];
  const comments = head.map((text) => `# ${text.replace(UNSAFE, '\u{fffd}')}\n`);
  return comments.join('') + printMachine(machine, null, driverKnowledge);
}

/** What could end a line, or steer a terminal. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;
