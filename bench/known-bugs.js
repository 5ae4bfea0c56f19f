/**
 * How soon drawn inputs show the bugs that discussions and recorded sessions are about, on the kernels
 * that have them, and why they cannot show the rest: what their scenarios say decides.
 *
 * node bench/known-bugs.js [SECONDS]: two Markdown tables on stdout.
 */
import { readFileSync } from 'node:fs';
import { firstTrouble, recallLike } from '../dist/fuzz/recall-like.js';
import { driverKnowledge } from '../dist/scenario/known-drivers.js';
import { parseScenario } from '../dist/scenario/parse.js';

/** By the number that a bug has in the notes, the scenario that shows it. */
const BUGS = {
  'B-01': 'test-remove-leaves-owner_cnt',
  'B-02': 'use-before-configure-misses-the-count',
  'B-03a': 'kernel-driver-joins-a-live-group',
  'B-03b': 'counted-port-driver-blocks-its-group',
  'B-03c': 'counted-vfio-variant-driver-locks-itself-out',
  'B-04': 'vfio-refuses-a-coherent-nic',
  'B-05': 'firmware-overrides-the-register-of-the-smmu',
  'B-06': 'fallback-misses-a-card-without-a-node',
  'B-07': 'memory-mapped-for-a-card-that-does-not-snoop',
  'B-08': 'smmu-shutdown-takes-groups-away',
  'B-09': 'deferral-leaves-stale-dma_ops',
  'B-10': 'teardown-destroys-notifier-dma_ops',
  'B-11': 'deferral-takes-the-ipmmu-mapping',
  'B-12': 'one-context-two-private-mappings',
  'B-13': 'deferral-leaves-plain-dma_ops',
  'B-14': 'unloading-an-smmu-v3-in-use',
  'B-15': 'unbinding-an-smmu-by-hand',
  'B-16': 'virtio-iommu-explodes-on-the-second-modprobe',
  'B-17': 'one-smmu-goes-and-takes-all-groups',
  'B-18': 'modular-iommu-is-not-waited-for',
  'B-19': 'endpoint-grouped-before-its-root-port',
  'B-20': 'iommu-map-names-a-function-below',
  'B-21': 'acpi-has-no-links-to-an-smmu',
  'B-22': 'smmus-of-two-bindings',
  'B-23': 'acs-asked-for-after-the-scan',
  'B-24': 'one-bad-client-keeps-the-smmu-from-registering',
  'B-25': 'disable_bypass-under-another-module-name',
  'B-26': 'initcall-of-a-built-in-smmu',
  'B-27': 'sync_state-is-forced',
  'B-28': 'smmu-that-comes-back-has-no-links',
  'B-29': 'client-probes-before-its-smmu-is-bound',
  'B-30': 'smmu-reset-cuts-the-splash-screen',
  'B-31': 'inherited-mapping-is-not-all-there-is',
  'B-32': 'page-tables-of-the-boot-loader-are-overwritten',
  'B-33': 'direct-regions-mapped-after-the-attach',
  'B-34': 'one-register-for-all-streams-cuts-a-display',
};

/** What real kernels did, by the recorded session; found on a plain 6.1 whose SMMU drivers are modules. */
const RECORDED = {
  's04x split groups': ['two-functions-get-two-groups'],
  's04x endpoint before its port': ['endpoint-grouped-before-its-root-port'],
  's03x rmmod leaves the ops of the buses': ['rmmod-then-rescan-jumps-into-freed-ops'],
  's03x rmmod, then rescan': ['rmmod-then-rescan-jumps-into-freed-ops', 'kernel-does-not-oops'],
  's03x modprobe, rmmod, modprobe': ['smmu-module-comes-back-elsewhere'],
  's03 late module, bound clients': ['late-iommu-module-finds-bound-clients'],
  's03 late module, DMA of a running card cut off': ['late-smmu-blocks-a-running-card'],
};
const MODULAR = { ARM_SMMU: 'm', ARM_SMMU_V3: 'm' };

function scenarioOf(name) {
  const file = `scenarios/${name}.yaml`;
  const { kernel, machine, steps, choices } = parseScenario(
    readFileSync(file, 'utf8'),
    file,
    driverKnowledge,
  );
  return { kernel, machine, stimuli: steps, choices };
}

const [seconds = '60'] = process.argv.slice(2);
const seed = Number(process.env.SEED ?? 1_000_000);

function measure(key, kernel) {
  const start = process.cpuUsage();
  const spent = () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1e6;
  };
  const { draws, found } = recallLike(key, { kernel, seed, until: () => spent() > seconds });
  return { draws, isFound: found !== null, took: spent().toFixed(1) };
}

/** Rows of a table; returns the names of those that were not found. */
function table(bugs, kernelOf) {
  console.log('| what | scenario | kernel | invariant | draws | seconds |');
  console.log('|---|---|---|---|---|---|');
  const missing = [];
  for (const [what, given] of Object.entries(bugs)) {
    const [name, invariant = null] = [given].flat();
    const scenario = scenarioOf(name);
    const trouble = firstTrouble(scenario, invariant);
    const kernel = kernelOf(scenario);
    const words = Object.entries(kernel.patches).map(([patch, on]) => ` ${on ? '+' : '-'}${patch}`);
    const start = `| ${what} | ${name} | ${kernel.version}${words.join('')} `;
    if (trouble === null) {
      console.log(`${start}| none is broken: it shows that all is as it should be | | |`);
      missing.push(what);
      continue;
    }
    const { draws, isFound, took } = measure(trouble.key, kernel);
    const cell = isFound ? draws : `not in ${draws}`;
    console.log(`${start}| ${trouble.invariant} | ${cell} | ${took} |`);
    if (!isFound) missing.push(what);
  }
  console.log(`\nnot found: ${missing.join(', ') || 'none'}\n`);
}

console.log('Bugs of discussions, on the kernel of their scenario:\n');
table(BUGS, ({ kernel: { version, patches } }) => ({
  ...{ version, patches, config: null, cmdline: null },
}));
console.log('What was recorded, on a plain 6.1 with modular SMMUs:\n');
table(RECORDED, () => ({
  ...{ version: '6.1', patches: {}, config: null, cmdline: null, build: MODULAR },
}));
