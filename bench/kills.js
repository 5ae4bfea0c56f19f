// Kills running campaigns with SIGKILL at random moments, resumes each, and compares what comes out
// with a campaign that nobody disturbed. `node bench/kills.js [KILLS] [SCENARIO]`; exits with 1 where
// a finding that was told of is lost, or the folders differ.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../bin/run.js', import.meta.url));
const [kills = '200', source = 'scenarios/deferral-clears-dma_ops.yaml'] = process.argv.slice(2);
const RUNS = 1536;

/** Starts a campaign in the folder, or goes on with it. */
function start(dir, seed) {
  const flags = ['--seed', String(seed), '--runs', String(RUNS), '--out', dir, '--workers', '2'];
  const words = [bin, 'fuzz', source, ...flags, '--resume', '--progress', 'json', '--json'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const told = [];
  let text = '';
  child.stderr.on('data', (piece) => {
    text += piece;
    const lines = text.split('\n');
    text = lines.pop();
    for (const line of lines) {
      if (!line.startsWith('{')) console.error(line);
      else if (JSON.parse(line).type === 'finding') told.push(JSON.parse(line).scenario);
    }
  });
  const end = new Promise((resolve) => {
    child.on('close', (status, signal) => resolve({ status, signal }));
  });
  return { child, told, end };
}

/** Every file of the folder but the lock, with its bytes. */
function contents(dir) {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && !/^\.?lock/.test(one.name))
    .map((one) => join(one.parentPath, one.name));
  return Object.fromEntries(
    names.sort().map((name) => [name.slice(dir.length), readFileSync(name, 'utf8')]),
  );
}

/** One campaign, killed until it gets through or `most` times. */
async function killed(dir, seed, most, patience) {
  const told = new Set();
  let count = 0;
  for (;;) {
    const one = start(dir, seed);
    const wait = Math.random() * patience;
    const timer = count < most ? setTimeout(() => one.child.kill('SIGKILL'), wait) : null;
    const { status, signal } = await one.end;
    clearTimeout(timer);
    for (const path of one.told) told.add(path);
    if (signal === 'SIGKILL') count += 1;
    else if (status === 0 || status === 1) return { told, count };
    else throw new Error(`the campaign ended with ${status ?? signal}`);
  }
}

const root = mkdtempSync(join(tmpdir(), 'reprobe-kills-'));
let left = Number(kills);
let wrong = 0;
for (let seed = 1; left > 0; seed += 1) {
  const whole = join(root, `whole-${seed}`);
  const dir = join(root, `killed-${seed}`);
  const begun = performance.now();
  const { told: all } = await killed(whole, seed, 0, 0);
  const { told, count } = await killed(dir, seed, left, (performance.now() - begun) * 0.5);
  left -= count;
  const [expected, got] = [contents(whole), contents(dir)];
  const lost = [...told].filter((path) => !(path.slice(dir.length) in got));
  const same = JSON.stringify(expected) === JSON.stringify(got);
  if (lost.length > 0 || !same) wrong += 1;
  const verdict = same ? 'the same folder' : 'ANOTHER FOLDER';
  console.log(
    `seed ${seed}: ${count} kills, ${told.size} of ${all.size} findings told before, ` +
      `${lost.length} lost, ${verdict}`,
  );
  if (!same)
    for (const name of new Set([...Object.keys(expected), ...Object.keys(got)]))
      if (expected[name] !== got[name]) console.log(`  differs: ${name}`);
}
rmSync(root, { recursive: true, force: true });
process.exitCode = wrong === 0 ? 0 : 1;
