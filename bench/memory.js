// Reads a million-event trace file in a process of its own, makes it seekable and prints its
// resident memory in MB.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHistory, stateAfter } from '../dist/engine/history.js';
import { readTrace, writeTrace } from '../dist/events/trace-file.js';
import { benchTrace } from './workload.js';

const [, self, file] = process.argv;
if (file === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'reprobe-bench-'));
  const path = join(folder, 'trace.jsonl.gz');
  writeFileSync(path, writeTrace(benchTrace(1_000_000), { gzip: true }));
  const args = ['--expose-gc', fileURLToPath(new URL(import.meta.url)), path];
  process.stdout.write(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout);
  rmSync(folder, { recursive: true });
} else {
  const trace = readTrace(readFileSync(file), self);
  const history = createHistory(trace.events);
  stateAfter(history, 500_000);
  globalThis.gc();
  console.log(JSON.stringify({ rss: Math.round(process.memoryUsage().rss / 2 ** 20) }));
}
