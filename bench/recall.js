/**
 * How soon drawn inputs find each known bug again, default schedule and random ones, and how small what
 * they find becomes beside the known scenario, reduced the same way.
 *
 * node bench/recall.js [SECONDS [PATCH…]]: a Markdown table, patch by patch, on stdout. SAVE=DIR writes
 * both reproducers of each as scenarios.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chooserOf } from '../dist/explore/strategy.js';
import { knownBugs, knownReproducer, recall, reduceReproducer } from '../dist/fuzz/recall.js';
import { PATCHES } from '../dist/model/versions/patch-table.js';
import { driverKnowledge } from '../dist/scenario/known-drivers.js';
import { parseScenario } from '../dist/scenario/parse.js';
import { printScenario } from '../dist/scenario/print.js';

const STRATEGIES = {
  drawn: undefined,
  random: (seed) => chooserOf({ kind: 'random' }, seed),
};

function scenarioOf(name) {
  const file = `scenarios/${name}.yaml`;
  const { kernel, machine, steps, choices } = parseScenario(
    readFileSync(file, 'utf8'),
    file,
    driverKnowledge,
  );
  return { kernel, machine, stimuli: steps, choices };
}

const cpuSeconds = (start) => {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
};

/** Draws and seconds to the first finding, or to the end of the time. */
function measure(bug, strategy, seconds, seed) {
  const start = process.cpuUsage();
  const chooser = STRATEGIES[strategy];
  const options = { seed, until: () => cpuSeconds(start) > seconds };
  const { draws, found } = recall(bug, chooser ? { ...options, chooserOf: chooser } : options);
  return { draws, found, seconds: cpuSeconds(start) };
}

const all = (devices) => devices.flatMap((one) => [one, ...all(one.creates ?? [])]);
const sizeOf = ({ inputs: { machine, stimuli } }) => ({
  devices: all(machine.devices).length,
  steps: stimuli.length,
});

/** Both reproducers, reduced: what the bug needs by what was drawn, and by its scenario. */
function compare(bug, found) {
  const start = process.cpuUsage();
  const known = knownReproducer(bug, scenarioOf, found.invariant);
  const [ours, theirs] = [found, known].map((one) => one && reduceReproducer(bug, one));
  const reducing = cpuSeconds(start);
  save(bug, 'found', ours);
  if (theirs === null) return { ours: sizeOf(ours), theirs: null, verdict: '', reducing };
  save(bug, 'known', theirs);
  const [our, their] = [sizeOf(ours), sizeOf(theirs)];
  const larger = ['devices', 'steps'].filter((what) => our[what] > their[what]);
  const by = larger.map((what) => `${our[what] - their[what]} ${what}`);
  const other = theirs.invariant === ours.invariant ? '' : `, known breaks ${theirs.invariant}`;
  const verdict = larger.length > 0 ? `larger by ${by.join(' and ')}` : 'as small';
  return { ours: our, theirs: their, verdict: verdict + other, reducing };
}

function save({ patch }, which, { invariant, inputs }) {
  const { SAVE } = process.env;
  if (SAVE === undefined) return;
  mkdirSync(SAVE, { recursive: true });
  const { kernel, machine, stimuli: steps, choices } = inputs;
  const name = `${patch}-${which}`;
  const more = { name, title: `${invariant} by ${patch}`, story: '', expect: [] };
  const text = printScenario({ ...more, kernel, machine, steps, choices }, driverKnowledge);
  writeFileSync(`${SAVE}/${name}.yaml`, text);
}

const words = (size) => (size === null ? '' : `${size.devices} devices, ${size.steps} steps`);

const [seconds = '60', ...names] = process.argv.slice(2);
const strategies = (process.env.STRATEGIES ?? 'drawn').split(',');
const seed = Number(process.env.SEED ?? 1_000_000);
const bugs = knownBugs(scenarioOf).filter(
  ({ patch }) => names.length === 0 || names.includes(patch),
);
const without = Object.keys(PATCHES).filter((name) => !bugs.some(({ patch }) => patch === name));
console.log(
  '| bug | kernel | strategy | draws | seconds | invariant | drawn | reduced | known, reduced | verdict | seconds |',
);
console.log(`|${'---|'.repeat(11)}`);
let recalled = 0;
let small = 0;
for (const bug of bugs) {
  const { patch, version, isOn, patches } = bug;
  const more = Object.entries(patches).map(([name, on]) => ` ${on ? '+' : '-'}${name}`);
  const kernel = `${version} ${isOn ? '+' : '-'}${patch}${more.join('')}`;
  const results = strategies.map((strategy) => {
    const { draws, found, seconds: took } = measure(bug, strategy, Number(seconds), seed);
    const cells = [patch, kernel, strategy, draws, took.toFixed(1)];
    if (found === null) {
      console.log(`| ${cells.join(' | ')} | not found (${bug.invariants.join(', ')}) |||||`);
      return null;
    }
    const { ours, theirs, verdict, reducing } = compare(bug, found);
    const sizes = [words(sizeOf(found)), words(ours), words(theirs), verdict, reducing.toFixed(1)];
    console.log(`| ${[...cells, found.invariant, ...sizes].join(' | ')} |`);
    return verdict;
  });
  if (results.some((one) => one !== null)) recalled += 1;
  if (results.some((one) => one?.startsWith('as small'))) small += 1;
}
console.log(
  `\n${recalled} of ${bugs.length} bugs, ${small} with a reproducer as small as the known one; ${names.length > 0 ? '' : `no invariant tells: ${without.join(', ')}`}`,
);
