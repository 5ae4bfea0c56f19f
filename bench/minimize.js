// Every violation that a scenario expects, out of noise drawn by seed: is it one result, and at how
// many runs of the emulator beside plain ddmin? `node bench/minimize.js [SEEDS [PART/OF [--no-ddmin]]]`.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findInvariant } from '../dist/invariants/all.js';
import { attempt } from '../dist/minimize/attempt.js';
import { draftOf } from '../dist/minimize/draft.js';
import { minimize } from '../dist/minimize/minimize.js';
import { isKnown } from '../dist/minimize/normal-names.js';
import { allParts } from '../dist/minimize/part.js';
import { renamed, renamedSubject } from '../dist/minimize/rename.js';
import { without } from '../dist/minimize/without.js';
import { driverKnowledge } from '../dist/scenario/known-drivers.js';
import { parseScenario } from '../dist/scenario/parse.js';
import { ddmin } from './ddmin.js';
import { createNoise } from './noise.js';

const noisy = createNoise({ attempt, draftOf, isKnown, renamed, renamedSubject });
const pieces = { attempt, allParts, without };

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const FOLDER = here('../scenarios/');
/** ddmin is stopped where it has called so many times as often. */
const DDMIN_FACTOR = 3;

/** The first violation that each scenario expects. */
function bugs() {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => {
      const scenario = parseScenario(readFileSync(FOLDER + file, 'utf8'), file, driverKnowledge);
      const { kernel, machine, steps: stimuli, choices, expect, name } = scenario;
      const violation = expect.find(({ kind }) => kind === 'violation');
      if (violation === undefined) return [];
      const { invariant, subject } = violation;
      const inputs = { kernel, machine, stimuli, choices };
      return [{ name, inputs, target: { invariant, subject } }];
    });
}

const sizeOf = ({ machine, stimuli, choices }) =>
  machine.devices.length +
  machine.drivers.length +
  machine.modules.length +
  stimuli.length +
  choices.filter((choice) => choice !== 0).length;

function measure({ inputs, target }, seeds) {
  const known = minimize(inputs, target);
  const invariant = findInvariant(target.invariant);
  const wanted = { invariant, isIt: ({ subject }) => subject === (target.subject ?? subject) };
  const hashes = new Map();
  let most = 0;
  let larger = 0;
  let kinds = 0;
  let yard = null;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const noise = noisy(inputs, wanted, seed);
    kinds = Math.max(kinds, noise.kinds.length);
    const subject = noise.violation.subject;
    const found = minimize(noise.inputs, { invariant: target.invariant, subject });
    const { hash } = found.signature;
    hashes.set(hash, [...(hashes.get(hash) ?? []), seed]);
    most = Math.max(most, found.calls);
    if (sizeOf(found.inputs) > sizeOf(known.inputs)) larger += 1;
    if (seed === 1 && !process.argv.includes('--no-ddmin')) {
      const isIt = ({ subject: other }) => other === subject || other.startsWith('group ');
      yard = ddmin(pieces, draftOf(noise.inputs), { invariant, isIt }, found.calls * DDMIN_FACTOR);
      yard = { ...yard, ours: found.calls };
    }
  }
  return { hashes, most, larger, kinds, yard, known };
}

const seeds = Number(process.argv[2] ?? 5);
const [part = 1, of = 1] = (process.argv[3] ?? '1/1').split('/').map(Number);
console.log('| bug | hashes | as known | larger | calls, most | ddmin | kinds of noise |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const [i, bug] of bugs().entries()) {
  if (i % of !== part - 1) continue;
  const { hashes, most, larger, kinds, yard, known } = measure(bug, seeds);
  const same = hashes.get(known.signature.hash)?.length ?? 0;
  const over = yard !== null && yard.calls > yard.ours * DDMIN_FACTOR ? '> ' : '';
  const calls = yard === null ? '' : `${over}${yard.calls} (here ${yard.ours})`;
  console.log(
    `| ${[bug.name, hashes.size, `${same}/${seeds}`, larger, most, calls, kinds].join(' | ')} |`,
  );
  if (hashes.size > 1)
    console.log([...hashes].map(([h, s]) => `  ${h}: ${s.slice(0, 8).join()}`).join('\n'));
}
