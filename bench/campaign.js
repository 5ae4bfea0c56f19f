// Runs a second of a campaign with all invariants, coverage and journal on a machine of ten devices,
// with one worker and with two: `node bench/campaign.js` prints them as JSON. Of a machine whose other
// processors are busy it says little.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCampaign } from '../dist/commands/campaign.js';
import { createPool } from '../dist/commands/campaign-pool.js';
import { startCampaign } from '../dist/commands/campaign-start.js';
import { benchKernel, benchMachine } from './workload.js';

const RUNS = 256 * 24;
/** What a worker does before: the first runs are slow, until all that they come to is compiled. */
const WARM_SEGMENTS = 6;

/** Two ports with three functions each below an SMMU and a host bridge. */
const machine = benchMachine(2, 3);
const base = { kernel: benchKernel, machine, stimuli: [{ do: 'boot' }], choices: [] };

/** Runs and events a second. Starting the workers, and what they learn on the way, is not counted. */
async function campaign(dir, workers) {
  const asked = { seed: 1, base, strategy: 'mixed', shard: undefined, kernel: undefined };
  const options = { asked, seed: 1, model: 'bench', resume: false, runs: RUNS };
  const started = await startCampaign({ dir, ...options });
  const { resumed, folder, plan } = started;
  const pool = await createPool(plan, workers);
  try {
    const warm = Array.from({ length: WARM_SEGMENTS * workers }, (_, n) => n + 1e6);
    await Promise.all(warm.map((segment) => pool.segment({ segment, runs: 256 }, [])));
    const before = process.cpuUsage();
    const begun = performance.now();
    await runCampaign({ ...started, runs: RUNS, pool, onFinding: () => {} });
    const seconds = (performance.now() - begun) / 1000;
    const { user, system } = process.cpuUsage(before);
    const { runs, events, known } = resumed.ledger;
    return {
      runs: Math.round(runs / seconds),
      events: Math.round(events / seconds),
      findings: known.length,
      // Processor time, which neighbours take no part in.
      cpuSeconds: (user + system) / 1e6,
    };
  } finally {
    await pool.close();
    await folder.close();
  }
}

const root = mkdtempSync(join(tmpdir(), 'reprobe-bench-'));
try {
  const one = await campaign(join(root, 'one'), 1);
  const two = await campaign(join(root, 'two'), 2);
  const speedup = two.runs / one.runs;
  console.log(JSON.stringify({ devices: machine.devices.length, one, two, speedup }));
} finally {
  rmSync(root, { recursive: true, force: true });
}
