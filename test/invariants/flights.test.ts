// Goal: what is under way is known from events alone: probes and unbinds of devices, and changes of a
// group's owner, which under its mutex go through states that nobody else can see.
import { describe, expect, it } from 'vitest';
import type { KernelEvent } from '../../src/events/event.ts';
import { explore } from '../../src/explore/explore.ts';
import { createFlights } from '../../src/invariants/flights.ts';
import { readScenarioFile } from '../explore/scenario-file.ts';

const at = (event: KernelEvent, stack: readonly string[] = [], task = 'vfio-user') => ({
  event,
  task,
  stack,
});
const CLAIM = ['vfio_user', 'iommu_group_claim_dma_owner'];
const blocked: KernelEvent = { type: 'group.attached', group: 4, domain: 'blocked' };
const claimed: KernelEvent = { type: 'owner.claimed', group: 4, owner: 'vfio', ret: 0 };

describe('flights', () => {
  it('begin with a match or an unbind and end with them', () => {
    const flights = createFlights();
    const [dev, drv] = ['a', 'drv-a'];
    flights.note(at({ type: 'probe.matched', dev, drv }));
    expect([flights.isQuiet('a'), flights.isQuiet('b'), flights.isIdle()]).toEqual([
      false,
      true,
      false,
    ]);
    flights.note(at({ type: 'probe.finished', dev, drv, ret: 0 }));
    expect([flights.isQuiet('a'), flights.isIdle()]).toEqual([true, true]);
  });

  it('leave a group unsettled until its claimer has come out of the claim', () => {
    const flights = createFlights();
    flights.note(at(blocked, CLAIM));
    flights.note(at({ type: 'driver.removed', dev: 'a', drv: 'vfio-pci' }, [], 'sh'));
    expect([flights.isSettled(4), flights.isSettled(5)]).toEqual([false, true]);
    flights.note(at(claimed, CLAIM));
    expect(flights.isSettled(4)).toBe(false);
    flights.note(at({ type: 'vfio.group_closed', group: '4' }, ['vfio_user']));
    expect(flights.isSettled(4)).toBe(true);
  });

  it('do not take an attach outside of a claim for a change of the owner', () => {
    const flights = createFlights();
    flights.note(at(blocked, ['iommu_probe_device']));
    expect(flights.isSettled(4)).toBe(true);
  });
});

describe('a group that is claimed while its device is unbound', () => {
  it('is never called idle in the middle of the claim, whatever the schedule', () => {
    const inputs = readScenarioFile('scenarios/card-is-unbound-while-its-group-is-claimed.yaml');
    const walks = explore(inputs, { strategy: { kind: 'por' } });
    let step = walks.next();
    while (step.done !== true) step = walks.next();
    expect(step.value.isComplete).toBe(true);
    expect(step.value.walked).toBeGreaterThan(10);
    expect(step.value.found).toEqual([]);
  });
});
