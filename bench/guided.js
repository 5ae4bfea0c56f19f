// How fast a plain boot log is read and replayed, beside one regular expression over the same bytes.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importLog, importRead } from '../dist/import/import.js';
import { readWhole } from '../dist/import/read-log.js';
import { matchCombined } from './recognition.js';

const EXAMPLE = '../examples/owner_cnt-leak.dmesg.txt';
const OPTIONS = { name: 'bench', version: null, config: {}, patches: {}, machine: null };

/** A boot up to the first thing that its user did. */
function bootLog() {
  const text = readFileSync(fileURLToPath(new URL(EXAMPLE, import.meta.url)), 'utf8');
  const lines = text.split('\n');
  return lines.slice(
    0,
    lines.findIndex((line) => line.includes('reprobe-action')),
  );
}

const bytesOf = (lines) => new TextEncoder().encode(lines.join('\n'));

/** Seconds of processor time that one round of `work` takes, the least of many: others only add. */
function cpuSeconds(rounds, work) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rounds; i += 1) {
    const { user, system } = process.cpuUsage();
    work();
    const after = process.cpuUsage();
    least = Math.min(least, after.user + after.system - user - system);
  }
  return least / 1_000_000;
}

/** Lines a second of one core: read and replayed, replayed alone, and matched by one expression. */
export function guidedReplay() {
  const lines = bootLog();
  const bytes = bytesOf(lines);
  const log = readWhole(bytes);
  const times = 20;
  const perSecond = (work) =>
    Math.round(
      (lines.length * times) /
        cpuSeconds(15, () => {
          for (let i = 0; i < times; i += 1) work();
        }),
    );
  return {
    lines: lines.length,
    whole: perSecond(() => importLog(bytes, OPTIONS)),
    replay: perSecond(() => importRead(log, OPTIONS)),
    combined: perSecond(() => matchCombined(bytes)),
  };
}
