// Goal: what differs between a good scenario and a bad one is found in its smallest pieces. Method: the
// scenarios come in pairs; any two of them are also taken apart and put together again.
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bisectBetween } from '../../src/bisect/between.ts';
import { describeDifference, differencesBetween } from '../../src/bisect/differences.ts';
import { byViolation } from '../../src/bisect/judge.ts';
import type { Inputs } from '../../src/events/trace.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

const FILES = readdirSync('scenarios').filter((file) => file.endsWith('.yaml'));

function scenario(file: string) {
  return parseScenario(readFileSync(`scenarios/${file}`, 'utf8'), file, driverKnowledge);
}

function inputsOf(file: string): Inputs {
  const { kernel, machine, steps, choices } = scenario(file);
  return { kernel, machine, stimuli: steps, choices };
}

const eventsOf = (inputs: Inputs) => runChecked(inputs).run.scheduler.events;

/** What makes the bad scenario bad, beside the good one: for the first violation that it expects. */
async function between(good: string, bad: string) {
  const expected = scenario(`${bad}.yaml`).expect.find(({ kind }) => kind === 'violation');
  if (expected?.kind !== 'violation') throw new Error(`${bad} expects no violation`);
  const { invariant, subject } = expected;
  const judge = byViolation((one) => one.invariant === invariant && one.subject === subject);
  return await bisectBetween(inputsOf(`${good}.yaml`), inputsOf(`${bad}.yaml`), judge);
}

describe('bisectBetween finds', () => {
  it.each<[what: string, good: string, bad: string, smallest: readonly string[]]>([
    [
      'a patch',
      'test-remove-gives-owner_cnt-back',
      'test-remove-leaves-owner_cnt',
      ['without patch test_remove_dma_cleanup'],
    ],
    [
      'the place of a step',
      'smmu-in-time-lets-the-card-through',
      'late-smmu-blocks-a-running-card',
      ['step moved: modprobe arm_smmu_v3'],
    ],
    [
      'a step of the boot',
      'early-iommu-groups-before-drivers',
      'late-iommu-groups-a-bound-device',
      ['boot moved: IOMMU dmar0'],
    ],
    [
      'two steps that it takes both of',
      'rebind-of-a-host-bridge',
      'rebind-of-a-host-bridge-meets-a-stale-bus',
      [
        'step added: echo 1 > /sys/bus/pci/devices/0000:00:01.0/remove',
        'step added: echo 1 > /sys/bus/pci/rescan',
      ],
    ],
    [
      'a property of one device among many differences',
      'vfio-takes-a-nic-whose-node-says-coherent',
      'fallback-misses-a-card-without-a-node',
      ['device 0000:00:00.0: dma_coherent true -> absent'],
    ],
    [
      'two properties of one device',
      'an-smmu-sees-what-is-mapped',
      'an-smmu-does-not-see-what-is-mapped',
      [
        'device 5000000.iommu: dma_coherent false -> true',
        'device 5000000.iommu: snoops absent -> false',
      ],
    ],
    [
      'an option and the step that needs it',
      'a-device-holds-its-smmu-driver',
      'forced-unload-of-an-smmu-driver',
      [
        'CONFIG_MODULE_FORCE_UNLOAD: absent -> y',
        'step replaced: rmmod arm_smmu_v3 -> rmmod -f arm_smmu_v3',
      ],
    ],
    [
      'a parameter',
      'iommu-map-makes-no-link',
      'iommu-map-names-a-function-below',
      ['parameter fw_devlink.strict: absent -> 1'],
    ],
    [
      'a driver that is missing',
      'root-port-grouped-first',
      'a-card-below-a-bridge-looks-as-its-neighbour',
      ['driver removed: pcieport'],
    ],
  ])('%s', async (_, good, bad, smallest) => {
    const found = await between(good, bad);
    expect(found).toMatchObject({ kind: 'found', without: 'good' });
    if (found.kind === 'found') expect(found.smallest.map(describeDifference)).toEqual(smallest);
  });

  it('that a bad scenario is bad for another reason too', async () => {
    const found = await between(
      'inherited-streams-wait-for-their-driver',
      'smmu-reset-cuts-the-splash-screen',
    );
    expect(found).toMatchObject({ kind: 'found', without: 'bad' });
  });

  it('nothing where the ends are not as they should be', async () => {
    const bad = 'test-remove-leaves-owner_cnt';
    expect(await between(bad, bad)).toMatchObject({
      kind: 'inconclusive',
      reason: expect.stringContaining('should be good are bad'),
    });
    const good = inputsOf('test-remove-gives-owner_cnt-back.yaml');
    const judge = byViolation(() => true);
    expect(await bisectBetween(good, good, judge)).toMatchObject({
      reason: expect.stringContaining('should be bad are good'),
    });
  });
});

describe('differencesBetween', () => {
  it('makes the first run of none of the differences, and the second of all', () => {
    const aFile = fc.constantFrom(...FILES);
    const property = fc.property(aFile, aFile, (a, b) => {
      const [first, second] = [inputsOf(a), inputsOf(b)];
      const { differences, mixed } = differencesBetween(first, second);
      expect(eventsOf(mixed(new Set()))).toEqual(eventsOf(first));
      expect(eventsOf(mixed(new Set(differences)))).toEqual(eventsOf(second));
      if (a === b) expect(differences).toEqual([]);
    });
    fc.assert(property, { numRuns: 40 });
  });

  it('makes inputs that run of any of them', () => {
    const aFile = fc.constantFrom(...FILES);
    const property = fc.property(aFile, aFile, fc.infiniteStream(fc.boolean()), (a, b, coin) => {
      const { differences, mixed } = differencesBetween(inputsOf(a), inputsOf(b));
      const some = new Set(differences.filter(() => coin.next().value === true));
      expect(() => runChecked(mixed(some))).not.toThrow();
    });
    fc.assert(property, { numRuns: 60 });
  });
});
