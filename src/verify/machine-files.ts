import { ReprobeError } from '../error.ts';
import { emptyTable, type Table } from '../events/table.ts';

/** A driver that was registered before the first action. */
export interface DriverRow {
  readonly bus: string;
  readonly name: string;
  /** As /sys shows it; built-in drivers with parameters have one too. */
  readonly module: string | null;
  /** It has the files bind and unbind. */
  readonly bind: boolean;
}

const DRIVER = /^(\S+) (.+) module=(\S*) bind=([01])$/;

/**
 * Reads `machine-drivers.txt`.
 *
 * @throws ReprobeError BAD_SESSION with the line.
 */
export function parseDriverRows(text: string, file = 'machine-drivers.txt'): DriverRow[] {
  return lines(text).map(([line, number]) => {
    const match = DRIVER.exec(line);
    if (match === null) throw badLine(file, number, line, 'BUS NAME module=MODULE bind=0|1');
    const [, bus = '', name = '', module = '', bind] = match;
    return { bus, name, module: module === '' ? null : module, bind: bind === '1' };
  });
}

/** A device's name and its modalias. A name may stand there twice, with one bus each. */
export interface ModaliasRow {
  readonly name: string;
  readonly modalias: string;
}

/**
 * Reads `machine-modalias.txt`.
 *
 * @throws ReprobeError BAD_SESSION with the line.
 */
export function parseModaliasRows(text: string, file = 'machine-modalias.txt'): ModaliasRow[] {
  return lines(text).map(([line, number]) => {
    const blank = line.indexOf(' ');
    if (blank < 1) throw badLine(file, number, line, 'NAME MODALIAS');
    return { name: line.slice(0, blank), modalias: line.slice(blank + 1) };
  });
}

/** Reads a kernel's .config: option without its prefix to its value, strings without quotes. */
export function parseConfig(text: string): Table<string> {
  const config = emptyTable<string>();
  for (const [line] of lines(text)) {
    const match = /^CONFIG_(\w+)=(.*)$/.exec(line);
    if (match !== null) config[match[1] ?? ''] = (match[2] ?? '').replace(/^"(.*)"$/, '$1');
  }
  return config;
}

/** Lines that are not empty, with their numbers from 1. */
function lines(text: string): [string, number][] {
  return text
    .split('\n')
    .map((line, index): [string, number] => [line.trimEnd(), index + 1])
    .filter(([line]) => line !== '');
}

function badLine(file: string, line: number, sourceLine: string, wanted: string): ReprobeError {
  const hint = `Expected ${wanted}.`;
  return new ReprobeError('BAD_SESSION', 'not a line of this file', {
    file,
    line,
    sourceLine,
    hint,
  });
}
