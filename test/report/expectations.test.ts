import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../src/invariants/checker.ts';
import { judgeExpectations } from '../../src/report/expectations.ts';
import type { Expectation, ParsedScenario } from '../../src/scenario/scenario.ts';
import { ASSIGN_NIC, LEAKY, leakyTrace, NIC, smallMachine } from '../model/small-machine.ts';

const trace = leakyTrace();
const violations = checkTrace(trace.header, trace.events);

function scenario(expect: readonly Expectation[]): ParsedScenario {
  return {
    name: 'a',
    title: '',
    story: '',
    kernel: LEAKY,
    machine: smallMachine(),
    steps: ASSIGN_NIC,
    choices: [],
    expect,
    stepLines: [],
    expectLines: expect.map((_, i) => i + 10),
  };
}

function judge(expectation: Expectation) {
  const [judged] = judgeExpectations(scenario([expectation]), 'a.yaml', trace, violations);
  return judged;
}

const end = { after: null };

describe('what a scenario expects', () => {
  it.each<Expectation>([
    { kind: 'violation', invariant: 'INV-OWN', subject: 'group 1' },
    { kind: 'violation', invariant: 'idle-group-has-no-owner', subject: null },
    { kind: 'holds', invariant: 'INV-GRP' },
    { kind: 'driver', dev: NIC, is: 'vfio-pci', ...end },
    { kind: 'driver', dev: NIC, is: 'e1000e', after: 1 },
    { kind: 'driver', dev: NIC, is: null, after: 3 },
    { kind: 'driver', dev: 'nobody', is: null, ...end },
    { kind: 'group', dev: NIC, is: 1, ...end },
    { kind: 'owner_cnt', group: 1, is: 2, after: 1 },
    { kind: 'owner_cnt', group: 1, is: 1, after: 3 },
    { kind: 'domain', group: 1, is: 'DMA', ...end },
    { kind: 'deferred', dev: NIC, is: false, ...end },
    { kind: 'returns', step: 3, ret: 0 },
    { kind: 'returns', step: 6, ret: -1 },
    { kind: 'answers', step: 6, is: 'flags=0x0' },
    { kind: 'prints', text: 'Adding to iommu group 1' },
    { kind: 'silent', text: 'BUG' },
  ])('is met: %j', (expectation) => {
    expect(judge(expectation)).toMatchObject({ ok: true, found: null });
  });

  it.each<[Expectation, string]>([
    [{ kind: 'violation', invariant: 'INV-ISO', subject: null }, 'it holds'],
    [{ kind: 'violation', invariant: 'INV-OWN', subject: 'group 0' }, 'it holds'],
    [{ kind: 'holds', invariant: null }, 'still counts 1'],
    [{ kind: 'driver', dev: NIC, is: null, ...end }, 'it is vfio-pci'],
    [{ kind: 'owner_cnt', group: 9, is: 0, ...end }, 'it is absent'],
    [{ kind: 'deferred', dev: NIC, is: true, ...end }, 'it is false'],
    [{ kind: 'answers', step: 6, is: 'flags=0x1' }, 'it is flags=0x0'],
    [{ kind: 'answers', step: 5, is: 'flags=0x1' }, 'it is none'],
    [{ kind: 'returns', step: 6, ret: 0 }, 'it returned -EPERM'],
    [{ kind: 'prints', text: 'no such line' }, 'no line says so'],
    [{ kind: 'silent', text: 'VFIO' }, 'VFIO - User Level'],
  ])('is not met: %j', (expectation, found) => {
    expect(judge(expectation)).toMatchObject({ ok: false, found: expect.stringContaining(found) });
  });

  it.each<[Expectation, string | null]>([
    [{ kind: 'holds', invariant: null }, 'device.unbind_cleanup'],
    [{ kind: 'returns', step: 6, ret: 0 }, 'syscall.returned'],
    [{ kind: 'driver', dev: NIC, is: null, after: 1 }, 'task.finished'],
    [{ kind: 'driver', dev: NIC, is: null, ...end }, null],
    [{ kind: 'silent', text: 'VFIO - User' }, 'printk'],
    [{ kind: 'prints', text: 'no such line' }, null],
    [{ kind: 'returns', step: 3, ret: 0 }, null],
  ])('says at which event it shows: %j', (expectation, type) => {
    const event = judge(expectation)?.event ?? null;
    expect(event === null ? null : trace.events[event]?.event.type).toBe(type);
  });

  it('must not name an invariant that there is not: the reader refuses it', () => {
    expect(() => judge({ kind: 'holds', invariant: 'INV-NONE' })).toThrow('INV-NONE');
  });
});
