import { Flags } from '@oclif/core';
import { createHistory, stateAfter } from '../engine/history.ts';
import { ReprobeError } from '../error.ts';
import { describeRecorded } from '../events/describe.ts';
import { line } from '../report/line.ts';
import { lookUp } from '../report/state-path.ts';
import { nearest } from '../scenario/nearest.ts';
import { BaseCommand } from './base.ts';
import { joinSignedValues } from './kernel-flags.ts';
import { eventNumber } from './position.ts';
import { painted } from './print.ts';
import { loadSource, sourceArg, sourceFlags } from './source.ts';
import { escapeControls, painter } from './terminal.ts';

/** Prints the state after an event, or a part of it. */
export default class Show extends BaseCommand {
  static override summary = 'Print the state after an event.';
  static override args = { source: sourceArg };
  static override flags = {
    ...sourceFlags,
    at: Flags.string({ required: true, description: 'after this event', helpValue: 'N|TIME' }),
    path: Flags.string({
      description: 'only this part of it',
      helpValue: 'devices.0000:03:00.1.driver',
      default: '',
    }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Show, joinSignedValues(this.argv));
    const { trace } = await loadSource(args.source, flags);
    const event = eventNumber(flags.at, trace);
    const state = stateAfter(createHistory(trace.events), event + 1);
    const found = lookUp(state, flags.path);
    if (!found.found) throw noSuchPath(flags.path, found.reached, found.keys);

    const recorded = trace.events[event];
    const text = JSON.stringify(found.value, null, 2) ?? 'absent';
    if (flags.path === '' && recorded !== undefined)
      this.log(painted([line(`after ${describeRecorded(recorded, event)}`, 'head')], painter()));
    this.log(escapeControls(text));
    return { event, path: flags.path, value: found.value };
  }
}

function noSuchPath(
  path: string,
  reached: readonly string[],
  keys: readonly string[],
): ReprobeError {
  const rest = path.slice(reached.join('.').length).replace(/^\./, '');
  const where = reached.length === 0 ? 'the state' : reached.join('.');
  const meant = nearest(rest, keys);
  const few = keys.slice(0, 12).join(', ');
  const known = keys.length === 0 ? 'nothing is there' : `there is: ${few}`;
  return new ReprobeError('UNKNOWN_NAME', `There is no '${rest}' in ${where}.`, {
    hint: meant === null ? known : `did you mean ${meant}?`,
  });
}
