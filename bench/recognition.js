// How fast lines become observations, beside one regular expression of all that the catalogue knows.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CATALOGUE } from '../dist/import/catalogue.js';
import { importRead } from '../dist/import/import.js';
import { createLogIntake } from '../dist/import/read-log.js';

export const LINES = 100_000;
const PIECE_BYTES = 64 * 1024;
const example = (name) =>
  readFileSync(fileURLToPath(new URL(`../examples/${name}`, import.meta.url)), 'utf8');

const texts = example('owner_cnt-leak.dmesg.txt')
  .split('\n')
  .map((line) => line.replace(/^\[ *[\d.]+\] /, ''))
  .filter((text) => text !== '' && !/^(?:Linux version|Booting Linux)/.test(text));

/** What a machine logs that has been up for long, from line `start` on: its lines, later each time. */
export function longLog(start = 0) {
  const lines = [];
  for (let i = start; i < start + LINES; i += 1) {
    const [seconds, micros] = [Math.floor(i / 1000), (i % 1000) * 1000];
    const stamp = `${String(seconds).padStart(5)}.${String(micros).padStart(6, '0')}`;
    lines.push(`[${stamp}] ${texts[i % texts.length]}`);
  }
  return lines.join('\n');
}

/** Reads a log in the pieces in which a file comes. */
export function readInPieces(bytes) {
  const intake = createLogIntake();
  for (let at = 0; at < bytes.length; at += PIECE_BYTES)
    intake.push(bytes.subarray(at, at + PIECE_BYTES));
  return intake.end();
}

/** A stamp, perhaps a driver and a device, and any message of the catalogue. */
const body = ({ pattern }) => `(?:${pattern.source.slice(1, -1)})`;
const COMBINED = new RegExp(
  `^\\[ *\\d+\\.\\d{6}\\] (?:[^ :]+(?: [^ ]+)?: )?(?:${CATALOGUE.map(body).join('|')})$`,
);

/** Lines that the combined expression knows. */
export function matchCombined(bytes) {
  let known = 0;
  for (const line of new TextDecoder().decode(bytes).split('\n'))
    if (COMBINED.test(line)) known += 1;
  return known;
}

/** A recorded log, read, and its guided replay. */
export function readExample() {
  return readInPieces(new TextEncoder().encode(example('owner_cnt-leak.dmesg.txt')));
}

export function replayed(log) {
  const options = { name: 'bench', version: '6.1', config: {}, patches: {}, machine: null };
  return importRead(log, options);
}
