import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { causesOf } from '../../src/bisect/causes.ts';
import { causesOfViolation, endsOf } from '../../src/bisect/claim.ts';
import { firstViolation } from '../../src/bisect/first-violation.ts';
import { readsOf } from '../../src/bisect/reads.ts';
import { runChecked } from '../../src/invariants/checked-run.ts';
import { oops } from '../../src/invariants/soundness.ts';
import { reduce } from '../../src/model/state/reduce.ts';
import { initialState, type ReadState } from '../../src/model/state/state.ts';
import { bisectStory } from '../../src/report/bisect-story.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { aRun, leakyTrace, NIC, NIC_GROUP, traceOf } from '../model/small-machine.ts';

describe('readsOf', () => {
  it('notes values, lists and what was looked up in vain, and nothing of the language', () => {
    const state = endsOf(leakyTrace(), 100).after;
    const reads = readsOf(state, ({ groups, devices }) => {
      const group = groups[NIC_GROUP];
      return [group?.owner_cnt, group?.devices.filter((dev) => dev !== ''), devices['nobody']];
    });
    expect(reads).toEqual([
      ['groups', String(NIC_GROUP), 'owner_cnt'],
      ['groups', String(NIC_GROUP), 'devices'],
      ['devices', 'nobody'],
    ]);
    expect(readsOf(state, ({ groups }) => Object.hasOwn(groups, 'x') && 'y' in groups)).toEqual([
      ['groups', 'x'],
    ]);
  });
});

describe('causesOf', () => {
  it('goes back from the leak to the group, the count and the loss of the driver', () => {
    const trace = leakyTrace();
    const found = firstViolation(trace);
    if (found.kind !== 'found' || found.violation === null) throw new Error('there is a leak');
    const causes = causesOfViolation(trace, found.violation, endsOf(trace, found.event));
    const told = causes.map(({ event, parts, made }) => [
      trace.events[event]?.event.type,
      ...made,
      ...parts.map(({ path, value }) => `${path}=${value}`),
    ]);
    const [dev, group] = [`devices.${NIC}`, `groups.${NIC_GROUP}`];
    expect(told).toEqual([
      ['device.added', dev, `${dev}.unbinding=false`],
      ['group.allocated', group],
      ['group.joined', `${dev}.iommu_group=${NIC_GROUP}`],
      ['owner.used', `${dev}.owner_uses=1`, `${group}.owner_cnt=1`],
      ['device.unbind_cleanup', `${dev}.driver=null`],
    ]);
    expect(causes.at(-1)?.event).toBe(found.event);
  });

  it.each([
    [
      'scan-frees-a-fwspec-in-use',
      ['dev_iommu.freed', 'fwspec=null', 'swapper/0'],
      ['probe.started', 'driver=vendor-eth', 'async fe300000.ethernet'],
    ],
    [
      'rmmod-then-rescan-jumps-into-freed-ops',
      ['bus.iommu_ops', 'buses.pci.iommu_ops=arm-smmu-v3', 'modprobe-1'],
      ['module.unloaded', 'modules.arm_smmu_v3=null', 'rmmod-3'],
    ],
    [
      'client-probes-before-its-smmu-is-bound',
      ['iommu.registered', 'iommus=', 'swapper/0'],
      ['fwspec.set', 'fwspec.iommu=5000000.iommu', 'async fe300000.ethernet'],
    ],
  ])('goes back from the crash of %s to who took away what it needs', (name, ...wanted) => {
    const text = readFileSync(`scenarios/${name}.yaml`, 'utf8');
    const { kernel, machine, steps, choices } = parseScenario(text, name, driverKnowledge);
    const trace = runChecked({ kernel, machine, stimuli: steps, choices }).run.trace();
    const found = firstViolation(trace, { invariant: oops });
    if (found.kind !== 'found' || found.violation === null) throw new Error('it crashes');
    const causes = causesOfViolation(trace, found.violation, endsOf(trace, found.event));
    for (const [type, part, task] of wanted) {
      const cause = causes.find(({ event }) => trace.events[event]?.event.type === type);
      expect(cause?.parts.map(({ path, value }) => `${path}=${value}`).join(' ')).toContain(part);
      expect(trace.events[cause?.event ?? -1]?.task).toBe(task);
    }
    expect(causes.length).toBeLessThan(15);
    const story = bisectStory({
      ...{ trace, outcome: found, causes, verification: null, changes: null, answers: null },
      ...{ doubts: [], contradictions: 0, wasThere: true, sourceName: 'x', logText: () => null },
      again: () => '',
    });
    const told = story.map((line) => line.text).join('\n');
    const isRace = name === 'scan-frees-a-fwspec-in-use';
    expect(/dev_iommu freed.*__iommu_probe_device, meanwhile by swapper\/0 /.test(told)).toBe(
      isRace,
    );
  });

  it('names the last event that changed each part, as looking after each event tells', () => {
    const looks: readonly ((state: ReadState) => unknown)[] = [
      ({ groups }) => Object.values(groups).map(({ owner_cnt, domain }) => [owner_cnt, domain]),
      ({ devices }) => [devices[NIC]?.driver, devices[NIC]?.bound, devices[NIC]?.iommu_group],
      ({ links, deferred }) => [links.length, deferred.pending.length, deferred.trigger_count],
      ({ vfio }) => [vfio.groups[NIC_GROUP]?.devices.length, vfio.open[NIC]],
    ];
    const property = fc.property(aRun.map(traceOf), fc.constantFrom(...looks), (trace, look) => {
      const event = trace.events.length - 1;
      const { after } = endsOf(trace, event);
      const causes = causesOf(trace.events, { event, last: after, look, names: [NIC] });
      const parts = readsOf(after, look).filter((part) => part[0] !== 'links');
      for (const part of parts) {
        const writer = lastWriter(
          trace.events.map((one) => one.event),
          part,
        );
        const path = part.join('.');
        const told = causes.find((cause) => cause.parts.some((one) => one.path === path));
        expect(told?.event ?? -1, path).toBe(writer);
      }
    });
    fc.assert(property, { numRuns: 60 });
  });
});

/** The number of the last event that changed that part; -1 for none. */
function lastWriter(
  events: readonly Parameters<typeof reduce>[1][],
  part: readonly string[],
): number {
  const state = initialState();
  const at = () =>
    JSON.stringify(
      part.reduce<unknown>(
        (value, step) =>
          value !== null && typeof value === 'object' ? Reflect.get(value, step) : undefined,
        state,
      ),
    );
  let last = at();
  let writer = -1;
  for (const [n, event] of events.entries()) {
    reduce(state, event);
    const now = at();
    if (now !== last) writer = n;
    last = now;
  }
  return writer;
}
