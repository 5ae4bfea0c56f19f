// The search is judged on worlds of which the answer is known, then on a log and on recordings of
// real kernels that are told to be another kernel's.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSessionFolder, readTwin } from '../../src/commands/read-session.ts';
import { runAll } from '../../src/engine/run.ts';
import { type Assumption, assuming, subjectOf } from '../../src/explain/assumption.ts';
import { explain } from '../../src/explain/search.ts';
import {
  type Disagreement,
  logWitness,
  sessionWitness,
  type Witness,
} from '../../src/explain/witness.ts';
import { importRead } from '../../src/import/import.ts';
import { readWhole } from '../../src/import/read-log.ts';
import { PROFILES } from '../../src/model/versions/profile.ts';
import { deriveMachine } from '../../src/verify/machine.ts';
import { TRACES } from '../corpora.ts';
import { BOOT, smallSystem } from '../model/small-machine.ts';

/** A world in which `count` says how much disagrees, by the names of what is assumed. */
function world(count: (assumed: ReadonlySet<string>) => number): Witness {
  const system = smallSystem();
  return (assumptions) => {
    const run = runAll(assuming(system, assumptions), [BOOT], { choices: [] });
    const disagreements = Array.from(
      { length: count(new Set(assumptions.map(subjectOf))) },
      (_, i): Disagreement => ({ kind: 'doubt', text: String(i) }),
    );
    return { trace: run.trace(), disagreements };
  };
}

const subjects = (assumptions: readonly Assumption[]) => assumptions.map(subjectOf).sort();

describe('explain', () => {
  it('assumes nothing where nothing disagrees, and runs once', () => {
    expect(explain(world(() => 0))).toMatchObject({ hypotheses: [], runs: 1 });
  });

  it('puts first what leaves least, then what assumes least', () => {
    const { hypotheses } = explain(
      world((is) => {
        if (is.has('patch bus_dma_cleanup')) return 3;
        return is.has('patch bus_dma_ownership') || is.has('config MODULES') ? 1 : 4;
      }),
    );
    expect(hypotheses.map(({ assumptions }) => subjects(assumptions))).toEqual([
      ['config MODULES'],
      ['patch bus_dma_ownership'],
      ['patch bus_dma_cleanup'],
    ]);
  });

  it('joins two that help only together, the first an option that opens the way to the second', () => {
    const both = ['config DEBUG_TEST_DRIVER_REMOVE', 'patch test_remove_dma_cleanup'];
    const { hypotheses } = explain(world((is) => (both.every((one) => is.has(one)) ? 0 : 7)));
    expect(hypotheses.map(({ assumptions }) => subjects(assumptions))).toEqual([both]);
    expect(hypotheses[0]).toMatchObject({ explains: 7, leaves: 0 });
  });

  it('drops what turns out not to be needed', () => {
    const { hypotheses } = explain(
      world((is) => {
        if (is.has('patch bus_dma_cleanup')) return is.has('config MODULES') ? 1 : 5;
        return is.has('config MODULES') ? 1 : 9;
      }),
    );
    const all = hypotheses.map(({ assumptions }) => subjects(assumptions));
    expect(all[0]).toEqual(['config MODULES']);
    expect(all.filter((one) => one.includes('config MODULES'))).toHaveLength(1);
  });

  it('believes two patches before an action that nobody logged, though that explains as much', () => {
    const both = ['config DEBUG_TEST_DRIVER_REMOVE', 'patch test_remove_dma_cleanup'];
    const unload = { do: 'rmmod', module: 'vfio_pci', force: false } as const;
    const action = { kind: 'action', before: 3, line: 3, stimuli: [unload] } as const;
    const cured = world((is) =>
      is.has('action 3 rmmod vfio_pci') || both.every((one) => is.has(one)) ? 0 : 7,
    );
    const { hypotheses } = explain((assumed) => ({ ...cured(assumed), unlogged: [action] }));
    expect(hypotheses.map(({ assumptions }) => subjects(assumptions))).toEqual([
      both,
      ['action 3 rmmod vfio_pci'],
    ]);
  });

  it('tries every other release', () => {
    const versions: string[] = [];
    explain((assumptions) => {
      for (const one of assumptions) if (one.kind === 'release') versions.push(one.version);
      return world(() => 1)(assumptions);
    });
    expect(versions).toEqual(PROFILES.filter((version) => version !== '6.1'));
  });

  it('assumes nothing about what is known', () => {
    const search = explain(
      world((is) => (is.has('config MODULES') ? 0 : 1)),
      (subject) => subject === 'config MODULES',
    );
    expect(search.hypotheses).toEqual([]);
  });
});

it('tells of a log of 6.1 that it is none of 7.2', () => {
  const log = readWhole(readFileSync('examples/groups-by-probe-order.dmesg.txt'));
  const options = { name: 'log', config: {}, patches: {}, machine: null };
  const search = (version: string | null) => {
    const asked = { ...options, version };
    return explain(logWitness(log, asked, importRead(log, asked)));
  };
  const { asItIs, hypotheses } = search('7.2');
  expect(asItIs.disagreements.length).toBeGreaterThan(0);
  const assumed = hypotheses.filter(({ leaves }) => leaves === 0).flatMap((one) => one.assumptions);
  expect(assumed).toContainEqual({ kind: 'release', version: '6.1' });
  expect(search(null).hypotheses).toEqual([]);
}, 60_000);

const LEAK = join(TRACES, 's02-bs61-ownercnt-plain');

describe.skipIf(!existsSync(LEAK))(`a recording of ${TRACES} (skipped where absent)`, () => {
  it.each([
    ['with its configuration', true, ['patch test_remove_dma_cleanup']],
    ['without', false, ['config DEBUG_TEST_DRIVER_REMOVE', 'patch test_remove_dma_cleanup']],
  ])(
    'is explained by the fix that its kernel lacked, %s',
    async (_, withConfig, expected) => {
      const session = await readSessionFolder(LEAK);
      const { machine, kernel } = deriveMachine(session, await readTwin(LEAK));
      const { DEBUG_TEST_DRIVER_REMOVE: tested, ...others } = kernel.config;
      const config = withConfig ? kernel.config : others;
      const witness = sessionWitness(session, {
        machine,
        kernel: { ...kernel, config, patches: {} },
      });
      const { hypotheses } = explain(witness);
      expect(tested).toBe('y');
      expect(subjects(hypotheses[0]?.assumptions ?? [])).toEqual(expected);
      expect(hypotheses[0]).toMatchObject({ leaves: 0 });
    },
    120_000,
  );
});
