// Exploration beside Spin: devices that are bound at once, in groups of an SMMU, some of which are
// deferred at first. The same in Promela is explore.pml.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tableOf } from '../dist/events/table.js';
import { createDice } from '../dist/explore/dice.js';
import { explore } from '../dist/explore/explore.js';
import { createPast } from '../dist/explore/past.js';
import { createGround, walk } from '../dist/explore/walk.js';
import { INVARIANTS } from '../dist/invariants/all.js';
import { driver } from './workload.js';

const SMMU = '5000000.iommu';

/**
 * So many devices in so many groups, bound at once by as many programs; the first `deferred` of them
 * are told to come again, which they do when the boot is over.
 */
export function groupInputs(devices, groups, deferred) {
  const names = Array.from({ length: devices }, (_, n) => `${n + 1}000000.engine`);
  const drv = (dev) => `drv-${dev.split('.')[0]}`;
  const machine = {
    firmware: 'devicetree',
    devices: [
      {
        ...{ name: SMMU, bus: 'platform', parent: null, ids: ['arm,mmu-500'] },
        ...{ iommu_kind: 'arm-smmu', dma_coherent: true },
      },
      ...names.map((name, n) => ({
        ...{ name, bus: 'platform', parent: null, ids: [`vendor,${name}`] },
        iommus: [{ iommu: SMMU, ids: [0x10 + (n % groups)] }],
      })),
    ],
    drivers: [
      driver('arm-smmu', 'platform', ['arm,mmu-500'], { suppress_bind_attrs: true }),
      ...names.map((name, n) =>
        driver(
          drv(name),
          'platform',
          [`vendor,${name}`],
          n < deferred ? { outcomes: tableOf([[name, [0, -517, 0]]]) } : {},
        ),
      ),
    ],
    modules: [],
    boot: [],
  };
  const bus = 'platform';
  return {
    kernel: { version: '6.12', release: null, config: {}, cmdline: '', patches: {} },
    machine,
    stimuli: [
      { do: 'driver_register', bus, drv: 'arm-smmu' },
      { do: 'device_add', dev: SMMU },
      { do: 'drivers_autoprobe', bus, on: false },
      ...names.map((dev) => ({ do: 'device_add', dev })),
      ...names.map((dev) => ({ do: 'driver_register', bus, drv: drv(dev) })),
      // Groups and links are made at the first bind: numbered by who is first, were it done at once.
      ...names.flatMap((dev) =>
        ['bind', 'unbind'].map((word) => ({ do: word, bus, drv: drv(dev), dev })),
      ),
      { do: 'together', steps: names.map((dev) => ({ do: 'drivers_probe', bus, dev })) },
      // What was deferred is tried again from here on.
      { do: 'late_initcall' },
    ],
    choices: [],
  };
}

/** Explores up to a number of schedules; counts are from the steps at once on, seconds of it all. */
export function explored(inputs, options) {
  const begun = performance.now();
  const walks = explore(inputs, options);
  const together = inputs.stimuli.findIndex((stimulus) => stimulus.do === 'together');
  let before = 0;
  let step = walks.next();
  for (; step.done !== true; step = walks.next())
    if (step.value.stimulus < together) before = step.value.states;
  const seconds = (performance.now() - begun) / 1000;
  return { ...step.value, states: step.value.states - before, seconds };
}

/**
 * Counts states that schedules by chance meet while the tasks are there, up to `enough` of them: as
 * many there are at least without reduction. A state is told from another by the same key as when it
 * is explored.
 */
export function statesByChance({ kernel, machine, stimuli }, enough) {
  const together = stimuli.findIndex((stimulus) => stimulus.do === 'together');
  const situation = { base: null, since: stimuli.slice(0, together), choices: [] };
  const ground = createGround({ kernel, machine }, INVARIANTS, 100_000);
  const dice = createDice(1);
  const seen = new Set();
  let walks = 0;
  for (; seen.size < enough && walks < WALKS_MAX; walks += 1) {
    const past = createPast();
    walk(ground, situation, stimuli[together], {
      pick: (tasks) => dice(tasks.length),
      isNew: () => true,
      push(step) {
        past.push(step);
        seen.add(past.state());
      },
      rest() {},
    });
  }
  return { states: seen.size, walks };
}

/** Devices, groups, and devices that are deferred once. */
const MODELS = [
  [6, 6, 0],
  [6, 6, 2],
  [4, 4, 2],
];
/** So many times fewer states are to be met with reduction than without. */
const REDUCTION = 10;
const WALKS_MAX = 20_000;
const SPIN_SECONDS = 20;

/** States and seconds of Spin on the model; null where there is no Spin or no compiler. */
function spun([devices, groups, deferred], options) {
  const dir = mkdtempSync(join(tmpdir(), 'reprobe-spin-'));
  try {
    const model = fileURLToPath(new URL('./explore.pml', import.meta.url));
    const run = (command, args, timeout) =>
      spawnSync(command, args, { cwd: dir, encoding: 'utf8', timeout });
    const sizes = [`-DDEVICES=${devices}`, `-DGROUPS=${groups}`, `-DDEFERRED=${deferred}`];
    if (run('spin', ['-a', ...sizes, model]).status !== 0) return null;
    const compile = [
      '-O2',
      '-DSAFETY',
      '-DCOLLAPSE',
      '-DMEMLIM=2048',
      ...options,
      '-o',
      'pan',
      'pan.c',
    ];
    if (run('gcc', compile).status !== 0) return null;
    const begun = performance.now();
    const { stdout, status } = run('./pan', ['-m100000'], SPIN_SECONDS * 1000);
    const seconds = (performance.now() - begun) / 1000;
    const states = /(\d+) states, stored/.exec(stdout ?? '')?.[1];
    const isComplete = status === 0 && !/max search depth|out of memory/.test(stdout);
    return { states: Number(states ?? Number.NaN), seconds, isComplete };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const spinCell = (result) => {
  if (result === null) return 'no Spin here';
  const { states, seconds, isComplete } = result;
  if (!isComplete) return `not done in ${SPIN_SECONDS} s`;
  return `${states} states, ${seconds.toFixed(2)} s, ${Math.round(states / seconds)} states/s`;
};

function modelRows(model) {
  const [devices, groups, deferred] = model;
  const inputs = groupInputs(devices, groups, deferred);
  const own = explored(inputs, { strategy: { kind: 'por' } });
  const all = statesByChance(inputs, own.states * REDUCTION);
  const what = `${devices} devices, ${groups} groups, ${deferred} deferred`;
  const speed = Math.round(own.states / own.seconds);
  const done = own.isComplete ? 'complete' : 'not complete';
  return [
    [
      `${what}: explored`,
      `${own.states} states, ${own.seconds.toFixed(2)} s, ${speed} states/s`,
      done,
    ],
    [
      `${what}: states without reduction`,
      `at least ${all.states}, ${(all.states / own.states).toFixed(1)} times as many`,
      `${REDUCTION} times`,
    ],
    [`${what}: Spin`, spinCell(spun(model, [])), ''],
    [`${what}: Spin without reduction`, spinCell(spun(model, ['-DNOREDUCE'])), ''],
  ];
}

/** Schedules run from boot to end, in a process that has seen nothing else. */
function randomRuns() {
  const script = fileURLToPath(new URL('./schedules.js', import.meta.url));
  const { stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  const { schedules, events } = JSON.parse(stdout);
  return [
    `schedules/s of one core, all invariants, 10 devices, ${events} events`,
    String(schedules),
    '>= 5000',
  ];
}

/** Rows of the bench's table: what is measured, how much it is, and what is wanted. */
export function exploreRows() {
  return [randomRuns(), ...MODELS.flatMap(modelRows)];
}
