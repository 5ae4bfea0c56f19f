// One command, one run, ratios: what the two lanes, the trace file, the importer and the start-up
// cost beside a yardstick measured in the same minute. `node bench/run.js [--write]`.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { produce } from 'immer';
import { createHistory, foldAll, stateAfter } from '../dist/engine/history.js';
import { runAll } from '../dist/engine/run.js';
import { readTrace, writeTrace } from '../dist/events/trace-file.js';
import { importLog } from '../dist/import/import.js';
import { reduce } from '../dist/model/state/reduce.js';
import { initialState } from '../dist/model/state/state.js';
import { benchBisection } from './bisect.js';
import { benchBlob, readBlob } from './devicetree.js';
import { exploreRows } from './explore.js';
import { measureGeneration } from './generation.js';
import { guidedReplay } from './guided.js';
import { foldByHand } from './hand-written.js';
import {
  LINES,
  longLog,
  matchCombined,
  readExample,
  readInPieces,
  replayed,
} from './recognition.js';
import { benchKernel, benchMachine, benchTrace } from './workload.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const MILLION = 1_000_000;

/** Best of several runs, in seconds: noise only ever adds. */
function best(runs, work) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i += 1) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return least / 1000;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const perSecond = (count, seconds) => Math.round(count / seconds);

function lanes(trace) {
  const { events } = trace;
  const few = events.slice(0, 20_000);
  const fast = perSecond(
    events.length,
    best(5, () => foldAll(events)),
  );
  const hand = perSecond(
    events.length,
    best(5, () => foldByHand(events)),
  );
  const history = perSecond(
    events.length,
    best(2, () => createHistory(events)),
  );
  const single = perSecond(
    few.length,
    best(2, () => {
      let state = initialState();
      for (const { event } of few) state = produce(state, (draft) => reduce(draft, event));
    }),
  );
  return { fast, hand, history, single };
}

/** Seek times in milliseconds at positions spread over the trace. */
function seeks(trace) {
  const history = createHistory(trace.events);
  const times = [];
  for (let i = 0; i < 201; i += 1) {
    const at = Math.floor((i * 7919 * 131) % trace.events.length);
    const start = performance.now();
    stateAfter(history, at);
    times.push(performance.now() - start);
  }
  return { median: median(times), worst: Math.max(...times) };
}

/** What a process prints that runs `./memory.js`, for resident memory in MB, or another such script. */
function memory(script) {
  const out = spawnSync(process.execPath, [here(script)], { encoding: 'utf8' });
  return JSON.parse(out.stdout);
}

function imports() {
  const log = readFileSync(here('../examples/owner_cnt-leak.dmesg.txt'), 'utf8');
  const bytes = new TextEncoder().encode(log);
  const options = { name: 'bench', version: '6.1', config: {}, patches: {}, machine: null };
  const lines = log.split('\n').length;
  return perSecond(
    lines * 20,
    best(3, () => {
      for (let i = 0; i < 20; i += 1) importLog(bytes, options);
    }),
  );
}

/** Lines a second: of a log to observations, under one regular expression, and of a guided replay. */
function recognition() {
  const bytes = new TextEncoder().encode(longLog());
  const own = perSecond(
    LINES,
    best(7, () => readInPieces(bytes)),
  );
  const combined = perSecond(
    LINES,
    best(7, () => matchCombined(bytes)),
  );
  const log = readExample();
  const replay = perSecond(
    log.lines * 20,
    best(3, () => {
      for (let i = 0; i < 20; i += 1) replayed(log);
    }),
  );
  return { own, combined, replay };
}

function schedules() {
  const machine = benchMachine(2, 2);
  const stimuli = [{ do: 'boot' }];
  let events = 0;
  const seconds = best(3, () => {
    events = 0;
    for (let i = 0; i < 500; i += 1)
      events += runAll({ machine, kernel: benchKernel }, stimuli).scheduler.events.length;
  });
  return { runs: perSecond(500, seconds), events: perSecond(events, seconds) };
}

/** Nodes of a devicetree read in a second, and what a node of a large one costs beside a small one's. */
function devicetrees() {
  const rate = (count) => {
    const blob = benchBlob(count);
    return perSecond(
      count,
      best(9, () => readBlob(blob)),
    );
  };
  const [few, many] = [rate(1000), rate(16_000)];
  return { many, growth: few / many };
}

/** Milliseconds of a command, the median of several runs. */
function startUp(args) {
  const times = [];
  for (let i = 0; i < 11; i += 1) {
    const start = performance.now();
    spawnSync(process.execPath, args);
    times.push(performance.now() - start);
  }
  return median(times);
}

const trace = benchTrace(MILLION);
const lane = lanes(trace);
const seek = seeks(trace);
const file = writeTrace({ header: trace.header, events: trace.events.slice(0, 200_000) });
const reading = perSecond(
  200_000,
  best(2, () => readTrace(file, 'bench')),
);
const bisection = benchBisection(trace);
const ram = memory('./memory.js');
const logRam = memory('./log-memory.js');
const campaign = memory('./campaign.js');
const lines = imports();
const recognised = recognition();
const guided = guidedReplay();
const sched = schedules();
const trees = devicetrees();
const drawn = measureGeneration();
const version = startUp([here('../bin/run.js'), '--version']);
const bare = startUp([here('./bare-cli.js'), '--version']);

const ratio = (a, b) => (a / b).toFixed(2);
const rows = [
  ['fast lane / hand-written loop', ratio(lane.fast, lane.hand), '>= 0.30'],
  ['history lane / one produce per event', ratio(lane.history, lane.single), '>= 20'],
  ['recognition / one regular expression', ratio(recognised.own, recognised.combined), ''],
  ['start-up / bare oclif CLI', ratio(version, bare), ''],
  ['bisection / replay with invariants', ratio(bisection.bisect, bisection.replay), '<= 1.50'],
  ['fast lane, events/s', String(lane.fast), '>= 1000000'],
  ['hand-written loop, events/s', String(lane.hand), ''],
  ['history lane, events/s', String(lane.history), ''],
  ['one produce per event, events/s', String(lane.single), ''],
  ['seek in 1,000,000 events, median ms', seek.median.toFixed(2), '<= 20'],
  ['seek in 1,000,000 events, worst ms', seek.worst.toFixed(2), ''],
  ['RSS with 1,000,000 events read, MB', String(ram.rss), '<= 512'],
  ['RSS while a log of 1 GB is read, MB', String(logRam.rss), '<= 512'],
  ['reading a trace file, events/s', String(reading), ''],
  ['import of a log, lines/s', String(lines), ''],
  ['recognition of a log, lines/s', String(recognised.own), '>= 300000'],
  ['one regular expression, lines/s', String(recognised.combined), ''],
  ['guided replay of a log with actions, lines/s', String(recognised.replay), ''],
  ['guided replay of a plain boot, lines/s of one core', String(guided.replay), '>= 100000'],
  ['the same with reading, lines/s of one core', String(guided.whole), ''],
  ['one regular expression over it, lines/s of one core', String(guided.combined), ''],
  ['reading a devicetree, nodes/s', String(trees.many), ''],
  ['a node of 16,000 / a node of 1,000', trees.growth.toFixed(2), '<= 2'],
  ['boots simulated, runs/s', String(sched.runs), ''],
  ['boots simulated, events/s', String(sched.events), ''],
  ['campaign of 10 devices, runs/s', String(campaign.one.runs), ''],
  ['two workers / one worker', campaign.speedup.toFixed(2), '>= 1.8'],
  ['replay with invariants, events/s', String(perSecond(MILLION, bisection.replay)), ''],
  ['bisection, events/s', String(perSecond(MILLION, bisection.bisect)), ''],
  ['machines invented, inputs/s', String(drawn.invented), ''],
  ['orders of 32 devices drawn, inputs/s', String(drawn.orders), '>= 20000'],
  ['reprobe --version, ms', version.toFixed(0), ''],
  ['bare oclif CLI --version, ms', bare.toFixed(0), ''],
  ...exploreRows(),
];
const table = ['| measure | value | wanted |', '| --- | --- | --- |']
  .concat(rows.map((row) => `| ${row.join(' | ')} |`))
  .join('\n');
console.log(table);
if (process.argv.includes('--write')) {
  const day = new Date().toISOString().slice(0, 10);
  const head = readFileSync(here('./RESULTS.md'), 'utf8').split('\n## ')[0].trimEnd();
  writeFileSync(
    here('./RESULTS.md'),
    `${head}\n\n## ${day}, Node ${process.version}\n\n${table}\n`,
  );
}
