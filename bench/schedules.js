// Boots of ten devices behind an SMMU, by random schedules and with all invariants, in a process of its
// own: `node bench/schedules.js` prints schedules a second of one core, and events of one, as JSON. By
// processor time, which neighbours take no part in.
import { chooserOf } from '../dist/explore/strategy.js';
import { runChecked } from '../dist/invariants/checked-run.js';
import { groupInputs } from './explore.js';

const RUNS = 1000;
const WARM_RUNS = 3000;
const ROUNDS = 8;

const { kernel, machine } = groupInputs(9, 9, 0);
const inputs = { kernel, machine, stimuli: [{ do: 'boot' }], choices: [] };
const make = (n) => runChecked(inputs, { choose: chooserOf({ kind: 'random' }, n) });

for (let n = 0; n < WARM_RUNS; n += 1) make(n);
let least = Number.POSITIVE_INFINITY;
for (let round = 0; round < ROUNDS; round += 1) {
  const before = process.cpuUsage();
  for (let n = 0; n < RUNS; n += 1) make(n);
  const { user, system } = process.cpuUsage(before);
  least = Math.min(least, user + system);
}
const events = make(0).run.scheduler.events.length;
console.log(JSON.stringify({ schedules: Math.round((RUNS * 1e6) / least), events }));
