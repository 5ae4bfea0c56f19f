import { Flags } from '@oclif/core';
import { createHistory, stateAfter } from '../engine/history.ts';
import { ReprobeError } from '../error.ts';
import { describeRecorded } from '../events/describe.ts';
import { finalState } from '../report/final-state.ts';
import { line } from '../report/line.ts';
import { lookUp } from '../report/state-path.ts';
import { deviceTable, valueText } from '../report/state-text.ts';
import { nearest } from '../scenario/nearest.ts';
import { BaseCommand } from './base.ts';
import { pathNamed } from './device-name.ts';
import { joinSignedValues } from './kernel-flags.ts';
import { eventNumber } from './position.ts';
import { painted } from './print.ts';
import { loadSource, sourceArg, sourceFlags } from './source.ts';
import { escapeControls, painter } from './terminal.ts';

const HOW_TO_SEE = line('--path shows a part of the state, --all the whole', 'dim');

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
    all: Flags.boolean({ default: false, description: 'the whole state, not only a summary' }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Show, joinSignedValues(this.argv));
    const { trace } = await loadSource(args.source, flags);
    const event = eventNumber(flags.at, trace);
    const state = stateAfter(createHistory(trace.events), event + 1);
    const path = pathNamed(flags.path);
    const found = lookUp(state, path);
    if (!found.found) throw noSuchPath(path, found.reached, found.keys);

    const recorded = trace.events[event];
    const paint = painter();
    if (path === '' && recorded !== undefined) {
      const last = event === trace.events.length - 1 ? ', the last event' : '';
      this.log(painted([line(`after ${describeRecorded(recorded, event)}${last}`, 'head')], paint));
    }
    if (path === '' && !flags.all)
      this.log(painted([...finalState(state), line(''), ...deviceTable(state), HOW_TO_SEE], paint));
    else this.log(escapeControls(valueText(found.value, found.keys)));
    return { event, path: flags.path, value: found.value };
  }
}

const KEYS_MAX = 40;

function noSuchPath(
  path: string,
  reached: readonly string[],
  keys: readonly string[],
): ReprobeError {
  const rest = path.slice(reached.join('.').length).replace(/^\./, '');
  const where = reached.length === 0 ? 'the state' : reached.join('.');
  // Of two numbers none is the other one mistyped.
  const meant = /^\d+$/.test(rest) ? null : nearest(rest, keys);
  const few = keys.slice(0, KEYS_MAX).join(', ');
  const all = keys.length <= KEYS_MAX ? few : `${few}, … (${keys.length} in all)`;
  const known = keys.length === 0 ? 'nothing is there' : `there is: ${all}`;
  return new ReprobeError('UNKNOWN_NAME', `There is no '${rest}' in ${where}.`, {
    hint: meant === null ? known : `did you mean ${meant}?`,
  });
}
