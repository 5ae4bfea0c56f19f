// What would have kept a violation away is told only where the order of the releases bears it out.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { firstViolation } from '../../src/bisect/first-violation.ts';
import { rerunTrace } from '../../src/bisect/rerun.ts';
import { type Remedy, whatChanges } from '../../src/bisect/what-changes.ts';
import { runAll } from '../../src/engine/run.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

function remediesOf(name: string): readonly string[] {
  const file = `scenarios/${name}.yaml`;
  const scenario = parseScenario(readFileSync(file, 'utf8'), file, driverKnowledge);
  const { machine, kernel, steps, choices } = scenario;
  const trace = runAll({ machine, kernel }, steps, { choices }).trace();
  const found = firstViolation(trace);
  if (found.kind !== 'found' || found.violation === null) throw new Error(`${name} is fine`);
  const rerun = (change: Parameters<typeof rerunTrace>[1]) => {
    return { trace: rerunTrace(trace, change), divergences: [], doubts: [] };
  };
  return whatChanges(rerun, found.violation).remedies.map(wordOf);
}

function wordOf(remedy: Remedy): string {
  return remedy.kind === 'config' ? remedy.name : `${remedy.direction} ${remedy.name}`;
}

describe('whatChanges', () => {
  it('does not name a patch of years later that happens to hide an old bug', () => {
    const remedies = remediesOf('deferral-leaves-stale-dma_ops');
    expect(remedies).toEqual(
      expect.arrayContaining([
        'with arm_dont_teardown_third_party',
        'with arm_clear_ops_on_teardown',
      ]),
    );
    expect(remedies).not.toContain('with iommu_ready_flag');
  });

  it('names what the source set by hand, beside patches that it set by hand', () => {
    expect(remediesOf('virtio-iommu-explodes-on-the-second-modprobe')).toEqual(
      expect.arrayContaining(['with iommu_driver_refs', 'without viommu_modular']),
    );
  });

  it('names since when a bug is possible, and no older patch that it also rests on', () => {
    const remedies = remediesOf('removing-a-device-that-waits-for-its-iommu');
    expect(remedies).toEqual(['with iommu_probe_rework', 'without always_bus_notifier']);
  });

  it('names proposals that no release has only where the invariant suspects them', () => {
    expect(remediesOf('test-remove-leaves-owner_cnt')).not.toContain('with use_before_configure');
    expect(remediesOf('default-domain-cuts-an-inherited-stream')).toContain(
      'with driver_manages_iommu',
    );
  });
});
