// The most memory that a process has taken that reads a log of a gigabyte, in MB, as JSON.
import { createLogIntake } from '../dist/import/read-log.js';
import { LINES, longLog } from './recognition.js';

const BYTES = 2 ** 30;
const intake = createLogIntake();
let written = 0;
for (let start = 0; written < BYTES; ) {
  const bytes = new TextEncoder().encode(`${longLog(start)}\n`);
  intake.push(bytes);
  written += bytes.length;
  start += LINES;
}
const { lines } = intake.end();
console.log(JSON.stringify({ rss: Math.round(process.resourceUsage().maxRSS / 1024), lines }));
