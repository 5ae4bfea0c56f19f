/** Fields that several steps have. */
import type { Machine } from '../events/machine.ts';
import { type Fields, integerOf, isText, nameOf, textAt } from './decode.ts';
import { busAt } from './step-bus.ts';

/** Text goes on with the parameters as typed. */
export function readLoad(fields: Fields) {
  const module = nameOf(fields.need('module'));
  const space = module.indexOf(' ');
  if (!isText(fields.place) || space < 1) return { module, params: textAt(fields.get('params')) };
  return { module: module.slice(0, space), params: module.slice(space + 1) };
}

/** A driver and a device, on one bus. */
export function readBinding(fields: Fields, machine: Machine) {
  const drv = nameOf(fields.need('drv'));
  const dev = nameOf(fields.need('dev'));
  return { bus: busAt(fields, { drv, dev }, machine), drv, dev };
}

/** A driver and an id that it is to take. */
export function readId(fields: Fields, machine: Machine) {
  const drv = nameOf(fields.need('drv'));
  return { bus: busAt(fields, { drv }, machine), drv, id: nameOf(fields.need('id')) };
}

/** A line, and for which time it is printed. */
export function readMark(fields: Fields) {
  const nth = fields.get('nth');
  return { line: textAt(fields.need('before')), nth: nth === undefined ? 1 : integerOf(nth, 1) };
}
