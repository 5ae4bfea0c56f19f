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
import { whyUntold } from '../dist/fuzz/recall-untold.js';
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

const all = (devices) => devices.flatMap((one) => [one, ...all(one.creates ?? [])]);
const sizeOf = ({ inputs: { machine, stimuli } }) => ({
  devices: all(machine.devices).length,
  steps: stimuli.length,
});
const excess = (our, their) => ({
  devices: Math.max(0, our.devices - their.devices),
  steps: Math.max(0, our.steps - their.steps),
});
const sum = ({ devices, steps }) => devices + steps;

/** The sizes of known reproducers, reduced, by the invariant that is to be broken. */
function knownSizes(bug) {
  const sizes = new Map();
  return (invariant) => {
    if (!sizes.has(invariant)) {
      const known = knownReproducer(bug, scenarioOf, invariant);
      const reduced = known && reduceReproducer(bug, known);
      if (reduced) save(bug, 'known', reduced);
      sizes.set(invariant, reduced && { ...sizeOf(reduced), invariant: reduced.invariant });
    }
    return sizes.get(invariant);
  };
}

/**
 * Draws until the bug is found, and on until what is found is, reduced, as small as the known scenario
 * reduced, or the time is over.
 */
function measure(bug, strategy, seconds, seed) {
  const start = process.cpuUsage();
  const known = knownSizes(bug);
  const chooser = STRATEGIES[strategy];
  const until = () => cpuSeconds(start) > seconds;
  const errors = [];
  let [draws, finds] = [0, 0];
  let first = null;
  let best = null;
  do {
    const options = { seed, after: draws, until, ...(chooser && { chooserOf: chooser }) };
    const one = recall(bug, options);
    draws += one.draws;
    errors.push(...one.errors);
    if (one.found === null) break;
    finds += 1;
    first ??= { draws, seconds: cpuSeconds(start), invariant: one.found.invariant };
    if (chooser) break;
    const ours = reduceReproducer(bug, one.found);
    const theirs = known(one.found.invariant);
    const size = sizeOf(ours);
    const over = theirs ? excess(size, theirs) : { devices: 0, steps: 0 };
    if (best !== null && sum(over) >= sum(best.over)) continue;
    best = { draws, finds, seconds: cpuSeconds(start), size, theirs, over };
    save(bug, 'found', ours);
  } while ((best === null || sum(best.over) > 0) && !until());
  return { draws, first, best, errors };
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

const words = (size) => (size ? `${size.devices} devices, ${size.steps} steps` : '');

function verdictOf({ over, theirs, finds, draws, seconds }, { invariant }) {
  const by = Object.entries(over).flatMap(([what, n]) => (n > 0 ? `${n} ${what}` : []));
  const after = finds > 1 ? ` (find ${finds}, draw ${draws}, ${seconds.toFixed(1)} s)` : '';
  const other =
    theirs && theirs.invariant !== invariant ? `, known breaks ${theirs.invariant}` : '';
  return (by.length > 0 ? `larger by ${by.join(' and ')}` : 'as small') + after + other;
}

const [seconds = '60', ...names] = process.argv.slice(2);
const strategies = (process.env.STRATEGIES ?? 'drawn').split(',');
const seed = Number(process.env.SEED ?? 1_000_000);
const bugs = knownBugs(scenarioOf).filter(
  ({ patch }) => names.length === 0 || names.includes(patch),
);
const without = Object.keys(PATCHES).filter((name) => !bugs.some(({ patch }) => patch === name));
const TITLES = ['bug', 'kernel', 'strategy', 'draws', 'seconds', 'invariant'];
console.log(`| ${[...TITLES, 'reproducer', 'known', 'verdict'].join(' | ')} |`);
console.log(`|${'---|'.repeat(TITLES.length + 3)}`);
let recalled = 0;
let small = 0;
for (const bug of bugs) {
  const { patch, version, isOn, patches } = bug;
  const more = Object.entries(patches).map(([name, on]) => ` ${on ? '+' : '-'}${name}`);
  const kernel = `${version} ${isOn ? '+' : '-'}${patch}${more.join('')}`;
  const results = strategies.map((strategy) => {
    const found = measure(bug, strategy, Number(seconds), seed);
    const { draws, first, best, errors } = found;
    for (const error of new Set(errors)) console.error(`${patch}: ${error}`);
    const start = [patch, kernel, strategy];
    if (first === null) {
      const what = `not found (${bug.invariants.join(', ')})`;
      console.log(`| ${[...start, draws, seconds, what].join(' | ')} | | | |`);
      return found;
    }
    const cells = [...start, first.draws, first.seconds.toFixed(1), first.invariant];
    const sizes = best
      ? [words(best.size), words(best.theirs), verdictOf(best, first)]
      : ['', '', ''];
    console.log(`| ${[...cells, ...sizes].join(' | ')} |`);
    return found;
  });
  if (results.some(({ first }) => first !== null)) recalled += 1;
  if (results.some(({ best }) => best !== null && sum(best.over) === 0)) small += 1;
}
console.log(
  `\n${recalled} of ${bugs.length} bugs, ${small} with a reproducer as small as the known one`,
);

if (names.length === 0) {
  console.log('\nPatches that break or mend no invariant in their scenarios:\n');
  console.log('| patch | why | first that differs | without it | with it |');
  console.log('|---|---|---|---|---|');
  for (const patch of without) {
    const { why, broken, differs } = whyUntold(patch, scenarioOf);
    const { before, after } = PATCHES[patch];
    const reason = [why, ...broken].join(' ');
    console.log(`| ${[patch, reason, differs ?? '', before, after].join(' | ')} |`);
  }
}
