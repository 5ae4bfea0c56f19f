import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstViolation } from '../../src/bisect/first-violation.ts';
import type { KernelEvent, Recorded } from '../../src/events/event.ts';
import type { Trace } from '../../src/events/trace.ts';
import { INVARIANTS } from '../../src/invariants/all.ts';
import { checkTrace } from '../../src/invariants/checker.ts';
import { aTrace } from '../events/arbitrary.ts';
import {
  ASSIGN_NIC,
  aRun,
  kernel,
  leakyTrace,
  NIC,
  runSmall,
  smallMachine,
  traceOf,
} from '../model/small-machine.ts';

function recorded(event: KernelEvent): Recorded {
  return { event, task: 'sh-0', stack: [], origin: 'implied', line: null, timeUs: null };
}

function traceWith(events: readonly KernelEvent[]): Trace {
  const { header } = runSmall([]).trace();
  return { header, events: events.map(recorded) };
}

const nic = smallMachine().devices.find(({ name }) => name === NIC);
const spec = nic ?? { name: NIC, bus: 'pci', parent: null, ids: [] };

describe('firstViolation', () => {
  it('blames the test removal for the leak of B-01', () => {
    const trace = leakyTrace();
    const found = firstViolation(trace);
    expect(found).toMatchObject({
      kind: 'found',
      violation: { invariant: 'dma_cleanup-balances-dma_configure', subject: NIC },
      also: [{ invariant: 'owner_cnt-matches-users' }],
    });
    if (found.kind !== 'found') return;
    const bad = trace.events[found.event];
    expect(bad?.event.type).toBe('device.unbind_cleanup');
    expect(bad?.stack.at(-1)).toBe('test_remove');
    expect(found.lastGood).toBe(found.event - 1);
  });

  it('looks at one invariant only when told to', () => {
    const idle = INVARIANTS.find(({ code }) => code === 'INV-IDLE');
    const found = firstViolation(leakyTrace(), { invariant: idle });
    expect(found).toMatchObject({ violation: { invariant: 'idle-group-has-no-owner' } });
  });

  it('says that everything holds', () => {
    const trace = runSmall(ASSIGN_NIC).trace();
    expect(firstViolation(trace)).toEqual({
      kind: 'holds',
      invariants: INVARIANTS.length,
      evaluations: trace.events.length,
    });
    expect(firstViolation(traceWith([]))).toMatchObject({ kind: 'holds', evaluations: 0 });
  });

  it('finds a planted fault, and where it heals', () => {
    const noise = fc.array(
      fc.constantFrom<KernelEvent>(
        { type: 'printk', level: 'info', text: 'noise', dev: null },
        { type: 'deferred.enabled' },
        { type: 'owner.used', dev: NIC, group: 0, ret: -16 },
      ),
      { maxLength: 20 },
    );
    const property = fc.property(noise, noise, noise, (before, during, after) => {
      const start: readonly KernelEvent[] = [
        { type: 'device.added', dev: NIC, spec },
        { type: 'group.allocated', group: 0 },
        ...before,
      ];
      const bad = start.length + 1;
      const events: readonly KernelEvent[] = [
        ...start,
        { type: 'group.joined', dev: NIC, group: 0 },
        { type: 'owner.used', dev: NIC, group: 0, ret: 0 },
        ...during,
        { type: 'owner.unused', dev: NIC, group: 0 },
        ...after,
      ];
      const trace = traceWith(events);
      const invariant = INVARIANTS.find(({ code }) => code === 'INV-BAL');
      expect(firstViolation(trace, { invariant })).toMatchObject({
        kind: 'found',
        event: bad,
        lastGood: bad - 1,
        healed: bad + during.length + 1,
      });
    });
    fc.assert(property);
  });

  it.each([
    ['of nonsense', aTrace.map((trace) => ({ ...trace, header: runSmall([]).trace().header }))],
    ['of a system', aRun.map(traceOf)],
  ])('agrees with checking every prefix of a trace %s', (_, traces) => {
    const property = fc.property(traces, (trace) => {
      const { header, events } = trace;
      const length = Array.from({ length: events.length }, (_item, n) => n + 1).find(
        (n) => checkTrace(header, events.slice(0, n)).length > 0,
      );
      const found = firstViolation(trace);
      if (length === undefined) expect(found.kind).toBe('holds');
      else expect(found).toMatchObject({ kind: 'found', event: length - 1 });
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('knows of no violation without its kernel being at fault', () => {
    expect(firstViolation(runSmall(ASSIGN_NIC, {}, kernel({ version: '6.12' })).trace()).kind).toBe(
      'holds',
    );
  });
});
