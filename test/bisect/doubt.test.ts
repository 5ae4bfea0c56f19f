import { describe, expect, it } from 'vitest';
import { doubtsOf } from '../../src/bisect/doubt.ts';
import type { KernelEvent, Recorded } from '../../src/events/event.ts';
import type { Trace } from '../../src/events/trace.ts';
import { ASSIGN_NIC, NIC, runSmall } from '../model/small-machine.ts';

const sane = runSmall(ASSIGN_NIC).trace();
const NOTHING = { crashes: [], lostFaults: [], unlike: [] };
const CRASH = { line: 12, text: 'Internal error: Oops: 96000006 [#1] SMP' };

function followedBy(...events: readonly KernelEvent[]): Trace {
  const at = { task: 'sh-0', stack: [], origin: 'assumed', line: 7, timeUs: null } as const;
  const added = events.map((event): Recorded => ({ event, ...at }));
  return { ...sane, events: [...sane.events, ...added] };
}

const DIVERGED: KernelEvent = {
  type: 'log.diverged',
  expected: 'no such line',
  observed: `e1000e ${NIC}: Adding to iommu group 4`,
};

describe('a run is in doubt', () => {
  it('not without a log, whatever it did', () => {
    expect(doubtsOf(followedBy(DIVERGED, { type: 'group.allocated', group: 4 }), null)).toEqual([]);
  });

  it('not when its log agrees', () => {
    expect(doubtsOf(sane, NOTHING)).toEqual([]);
  });

  it('not for a line that changes nothing', () => {
    const pending: KernelEvent = { ...DIVERGED, observed: 'platform a: deferred probe pending' };
    expect(doubtsOf(followedBy(pending, pending), NOTHING)).toEqual([]);
  });

  it('where the log puts into a group what the model does not have', () => {
    expect(doubtsOf(followedBy(DIVERGED), NOTHING)).toEqual([
      `the log overrules the model in one place at line 7: ${DIVERGED.observed}`,
    ]);
  });

  it('where the state had to be taken from the log', () => {
    const trace = followedBy(DIVERGED, { type: 'group.allocated', group: 4 });
    expect(doubtsOf(trace, NOTHING)).toEqual([
      `the log overrules the model in one place at line 7: ${DIVERGED.observed}`,
    ]);
  });

  it('when the kernel crashed and the model did not', () => {
    const [doubt] = doubtsOf(sane, { ...NOTHING, crashes: [CRASH] });
    expect(doubt).toBe(`the kernel is in trouble at line 12 and the model is not: ${CRASH.text}`);
    const crashed = followedBy({ type: 'kernel.oopsed', at: 'f', what: 'NULL pointer' });
    expect(doubtsOf(crashed, { ...NOTHING, crashes: [CRASH] })).toEqual([]);
  });

  it('when the log has faults of which the run has nothing', () => {
    const text = 'xhci_hcd 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT …]';
    const lostFaults = [9, 10].map((line) => ({ line, text }));
    expect(doubtsOf(sane, { ...NOTHING, lostFaults })).toEqual([
      `2 faults of DMA are not in the run, first at line 9: ${text} (the model has not the device behind that IOMMU as the log has it)`,
    ]);
  });

  it('when a file beside the log has another driver or group at the end', () => {
    const evidence = { file: 'sysfs-9.txt', line: 12, about: 'driver' as const };
    const bound = { line: 9, expected: `driver of ${NIC}: none`, event: 3, evidence };
    const unlike = [{ ...bound, observed: `driver of ${NIC}: e1000e` }];
    expect(doubtsOf(sane, { ...NOTHING, unlike })).toEqual([
      `the run is otherwise than sysfs-9.txt:12 has it in one place: driver of ${NIC}: e1000e`,
    ]);
    const loaded = { ...bound, observed: 'loaded', evidence: { ...evidence, about: 'module' } };
    expect(doubtsOf(sane, { ...NOTHING, unlike: [loaded] as typeof unlike })).toEqual([]);
  });

  it('when the model crashed and the kernel did not', () => {
    const crashed = followedBy({ type: 'kernel.oopsed', at: 'f', what: 'NULL pointer' });
    expect(doubtsOf(crashed, NOTHING)).toEqual([
      'the model crashes in f, and the log shows no crash',
    ]);
  });

  it('when nothing in the log was a device', () => {
    const { header } = sane;
    const empty = {
      header: { ...header, machine: { ...header.machine, devices: [] } },
      events: [],
    };
    expect(doubtsOf(empty, NOTHING)).toEqual(['the log shows no device that the model knows']);
  });
});
