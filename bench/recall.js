/**
 * How soon drawn inputs find each known bug again, default schedule and random ones.
 *
 * node bench/recall.js [SECONDS [PATCH…]]: a Markdown table, patch by patch, on stdout.
 */
import { readFileSync } from 'node:fs';
import { chooserOf } from '../dist/explore/strategy.js';
import { knownBugs, recall } from '../dist/fuzz/recall.js';
import { PATCHES } from '../dist/model/versions/patch-table.js';
import { driverKnowledge } from '../dist/scenario/known-drivers.js';
import { parseScenario } from '../dist/scenario/parse.js';

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

/** Draws and seconds to the first finding, or to the end of the time. */
function measure(bug, strategy, seconds, seed) {
  const start = process.cpuUsage();
  const spent = () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1e6;
  };
  const chooser = STRATEGIES[strategy];
  const options = { seed, until: () => spent() > seconds };
  const { draws, found } = recall(bug, chooser ? { ...options, chooserOf: chooser } : options);
  return { draws, found, seconds: spent() };
}

const [seconds = '60', ...names] = process.argv.slice(2);
const strategies = (process.env.STRATEGIES ?? 'drawn').split(',');
const seed = Number(process.env.SEED ?? 1_000_000);
const bugs = knownBugs(scenarioOf).filter(
  ({ patch }) => names.length === 0 || names.includes(patch),
);
const without = Object.keys(PATCHES).filter((name) => !bugs.some(({ patch }) => patch === name));
console.log(`| bug | kernel | strategy | draws | seconds | invariant | reproducer |`);
console.log('|---|---|---|---|---|---|---|');
let recalled = 0;
for (const bug of bugs) {
  const { patch, version, isOn, patches } = bug;
  const more = Object.entries(patches).map(([name, on]) => ` ${on ? '+' : '-'}${name}`);
  const kernel = `${version} ${isOn ? '+' : '-'}${patch}${more.join('')}`;
  let isFound = false;
  for (const strategy of strategies) {
    const { draws, found, seconds: took } = measure(bug, strategy, Number(seconds), seed);
    isFound ||= found !== null;
    const what = found?.invariant ?? `not found (${bug.invariants.join(', ')})`;
    const size = found
      ? `${found.inputs.machine.devices.length} devices, ${found.inputs.stimuli.length} steps`
      : '';
    console.log(
      `| ${patch} | ${kernel} | ${strategy} | ${draws} | ${took.toFixed(1)} | ${what} | ${size} |`,
    );
  }
  if (isFound) recalled += 1;
}
console.log(
  `\n${recalled} of ${bugs.length} bugs; ${names.length > 0 ? '' : `no invariant tells: ${without.join(', ')}`}`,
);
