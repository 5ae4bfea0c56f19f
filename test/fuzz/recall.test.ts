// Goal: what is found is there with the patch so and gone with it the other way, in the inputs handed
// back; and the bugs that are known are those that their scenarios show. Method: two bugs that are met
// soon, and the same inputs run once more.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Inputs } from '../../src/events/trace.ts';
import {
  type KnownBug,
  knownBugOf,
  knownReproducer,
  recall,
  reduceReproducer,
} from '../../src/fuzz/recall.ts';
import { firstTrouble, recallLike } from '../../src/fuzz/recall-like.ts';
import { whyUntold } from '../../src/fuzz/recall-untold.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

function scenarioOf(name: string): Inputs {
  const text = readFileSync(`scenarios/${name}.yaml`, 'utf8');
  const { kernel, machine, steps, choices } = parseScenario(text, name, driverKnowledge);
  return { kernel, machine, stimuli: steps, choices };
}

const leak: KnownBug = {
  ...{ patch: 'test_remove_dma_cleanup', version: '7.2', isOn: false, patches: {} },
  invariants: ['dma_cleanup-balances-dma_configure', 'idle-group-has-no-owner'],
};

describe('a known bug', () => {
  it('is what the scenario of its patch shows, on the newest release that shows it', () => {
    expect(knownBugOf('test_remove_dma_cleanup', scenarioOf)).toEqual({
      ...leak,
      invariants: expect.arrayContaining([...leak.invariants]),
    });
    // A release needs more than the one patch for it.
    expect(knownBugOf('bus_unset_iommu_jpb', scenarioOf)?.patches).not.toEqual({});
  });

  it('is none where the patch changes what is printed alone', () => {
    expect(knownBugOf('probe_wording', scenarioOf)).toBeNull();
  });
});

describe('recall', () => {
  it.each(['test_remove_dma_cleanup', 'portdrv_managed', 'of_acs_at_dma_configure'] as const)(
    'finds %s, which breaks what it says and does not the other way',
    (patch) => {
      const bug = knownBugOf(patch, scenarioOf);
      expect(bug).not.toBeNull();
      if (bug === null) return;
      const { draws, found } = recall(bug, { seed: 0, until: (n) => n >= 500 });
      expect(found, `after ${draws} draws`).not.toBeNull();
      if (found === null) return;
      expect(bug.invariants).toContain(found.invariant);
      const { kernel } = found.inputs;
      const broken = (isOn: boolean) => {
        const patches = { ...kernel.patches, [patch]: isOn };
        const { violations } = runChecked({ ...found.inputs, kernel: { ...kernel, patches } });
        return violations.some(({ invariant }) => invariant === found.invariant);
      };
      expect([broken(bug.isOn), broken(!bug.isOn)]).toEqual([true, false]);
    },
    60_000,
  );

  it('gives up when it is told to', () => {
    const harmless: KnownBug = { ...leak, patch: 'probe_wording' };
    expect(recall(harmless, { seed: 0, until: (n) => n >= 20 })).toEqual({
      draws: 20,
      found: null,
      errors: [],
    });
  });
});

describe('reproducers', () => {
  it('of draws and of the scenario become the same, reduced', () => {
    const bug = knownBugOf('portdrv_managed', scenarioOf);
    if (bug === null) throw new Error('the scenario shows no bug');
    const { found } = recall(bug, { seed: 0, until: (n) => n >= 500 });
    if (found === null) throw new Error('draws do not find it');
    const known = knownReproducer(bug, scenarioOf, found.invariant);
    if (known === null) throw new Error('the scenario does not show it there');
    const [ours, theirs] = [found, known].map((one) => reduceReproducer(bug, one).inputs);
    expect(ours?.machine.devices.length).toBe(theirs?.machine.devices.length);
    expect(ours?.stimuli).toEqual([{ do: 'boot' }]);
  });
});

describe('what a scenario shows', () => {
  it('is shown by draws on the same kernel', () => {
    const scenario = scenarioOf('test-remove-leaves-owner_cnt');
    const trouble = firstTrouble(scenario, 'owner_cnt-matches-users');
    expect(trouble?.invariant).toBe('owner_cnt-matches-users');
    const { version, patches } = scenario.kernel;
    const kernel = { version, patches, config: null, cmdline: null };
    const { found } = recallLike(trouble?.key ?? '', { kernel, seed: 0, until: (n) => n >= 500 });
    expect(found).not.toBeNull();
    expect(firstTrouble(scenarioOf('initcall-of-a-built-in-smmu'))).toBeNull();
  });
});

describe('a patch that no invariant tells of', () => {
  it('changes what is printed, or how things go', () => {
    expect(whyUntold('probe_wording', scenarioOf)).toMatchObject({
      why: 'nothing but what is printed',
      differs: null,
    });
    expect(whyUntold('device_claim_owner', scenarioOf)).toMatchObject({
      why: 'another way, and no worse',
      differs: expect.stringContaining('iommu_device_claim_dma_owner'),
    });
    expect(whyUntold('fw_devlink_on', scenarioOf).broken).toEqual([
      'supplier-cleans-up-after-its-consumers-came',
    ]);
  });
});
