import { readFileSync } from 'node:fs';
import { it } from 'vitest';
import { runSegment } from '../../src/fuzz/segment.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

it('x', () => {
  for (const file of [
    'test-remove-leaves-owner_cnt',
    'vfio-refuses-a-coherent-nic',
    'unloading-an-smmu-v3-in-use',
  ]) {
    const { machine, kernel, steps, choices } = parseScenario(
      readFileSync(`scenarios/${file}.yaml`, 'utf8'),
      file,
      driverKnowledge,
    );
    const plan = {
      seed: 1,
      base: { machine, kernel, stimuli: steps, choices },
      strategy: 'random',
    };
    for (const n of [0, 1, 2]) {
      const t = performance.now();
      const r = runSegment(plan, { segment: n, runs: 512 });
      console.log(
        file,
        n,
        Math.round(performance.now() - t),
        'ms',
        r.events,
        r.points.length,
        r.sightings.map((s) => `${s.run} ${s.seen} ${s.key.slice(0, 200)}`),
      );
      if (n === 2) console.log(r.tally);
    }
  }
});
