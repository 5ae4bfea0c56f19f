/** Fields of steps that take more than a line to read. */
import type { Machine } from '../events/machine.ts';
import { type Fields, integerOf, isText, nameOf, nameOrNull, textAt } from './decode.ts';
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

/** A device, and the driver that it is to leave; '' for whichever it has. */
export function readUnbinding(fields: Fields, machine: Machine) {
  const dev = nameOf(fields.need('dev'));
  const drv = nameOrNull(fields.get('drv')) ?? '';
  const names = drv === '' ? { dev } : { drv, dev };
  return { bus: busAt(fields, names, machine), drv, dev };
}

/** A driver and an id that it is to take. */
export function readId(fields: Fields, machine: Machine) {
  const drv = nameOf(fields.need('drv'));
  return { bus: busAt(fields, { drv }, machine), drv, id: nameOf(fields.need('id')) };
}

/** What is allocated where a step does not say. */
const PAGE = 0x1000;

/** Memory that the kernel takes. */
export function readPages(fields: Fields) {
  const length = fields.get('length');
  const start = integerOf(fields.need('start'));
  return { start, length: length === undefined ? PAGE : integerOf(length, 1) };
}
