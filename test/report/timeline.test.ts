import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellWords } from '../../src/import/action-shell.ts';
import { checkTrace } from '../../src/invariants/checker.ts';
import { follower, timeline } from '../../src/report/timeline.ts';
import { aTrace } from '../events/arbitrary.ts';
import { BOOT, leakyTrace, NIC, PORT, runSmall } from '../model/small-machine.ts';

const trace = leakyTrace();
const violations = checkTrace(trace.header, trace.events);
const last = trace.events.length - 1;

function text(options: Partial<Parameters<typeof timeline>[2]>): readonly string[] {
  const all = { to: last, all: false, follow: null, ...options };
  return timeline(trace, violations, all).lines.map((line) => line.text);
}

describe('timeline', () => {
  it('shows what matters, and each violation below its event', () => {
    const lines = text({});
    expect(lines.length).toBeLessThan(trace.events.length / 2);
    const bad = lines.findIndex((line) => line.startsWith('    ! dma_cleanup-balances'));
    expect(lines[bad - 1]).toContain(`${NIC}: device_unbind_cleanup`);
    expect(lines.join('\n')).toContain(`${NIC}: joined group 1`);
    expect(lines.join('\n')).not.toContain('links.status');
  });

  it('shows everything when asked, and counts what it leaves out', () => {
    const options = { to: last, all: true, follow: null };
    expect(timeline(trace, [], options)).toMatchObject({ leftOut: 0 });
    expect(timeline(trace, [], options).lines).toHaveLength(trace.events.length);
    const few = timeline(trace, [], { ...options, all: false });
    expect(few.lines.length + few.leftOut).toBe(trace.events.length);
  });

  it('stops where it is told to', () => {
    expect(text({ to: 0 })).toEqual(['#0  swapper/0  task starts: boot']);
  });

  it('follows a device, and the group it is in', () => {
    const lines = text({ follow: NIC }).join('\n');
    expect(lines).toContain(`${NIC}: links.status`);
    expect(lines).toContain('group 1: attached to DMA domain');
    expect(lines).not.toContain(PORT);
    expect(text({ follow: 'group 1' }).join('\n')).toContain('VFIO group 1: opened');
  });

  it('leaves out violations of others than the one followed, and counts them', () => {
    const ours = text({ follow: NIC }).filter((line) => line.startsWith('    ! '));
    expect(ours).toHaveLength(violations.length);
    expect(text({ follow: '1' }).filter((line) => line.startsWith('    ! '))).toEqual(ours);
    const options = { to: last, all: false };
    const none = timeline(trace, violations, { ...options, follow: PORT });
    expect(none.violationsLeftOut).toBe(violations.length);
    expect(none.lines.map((line) => line.text).join('\n')).not.toContain('!');
    expect(none.lines.length + none.leftOut).toBe(trace.events.length);
    const all = timeline(trace, violations, { ...options, follow: null });
    expect(all.violationsLeftOut).toBe(0);
  });

  it('has the log line and the evidence of each event of a log', () => {
    const { header, events } = runSmall([BOOT]).trace();
    const source = { name: 'a.log', format: 'dmesg' };
    const first = events.slice(0, 1);
    const origins = ['observed', 'implied', 'assumed'] as const;
    const marked = origins.flatMap((origin) =>
      first.map((one) => ({ ...one, origin, line: 12, timeUs: 1_500_000 })),
    );
    const log = { header: { ...header, source }, events: marked };
    const { lines } = timeline(log, [], { to: 2, all: true, follow: null });
    expect(lines.map((line) => line.text)).toEqual([
      '#0  [1.500000]  12   swapper/0  task starts: boot',
      '#1  [1.500000]  12+  swapper/0  task starts: boot',
      '#2  [1.500000]  12?  swapper/0  task starts: boot',
    ]);
  });

  it('is total', () => {
    const property = fc.property(
      aTrace,
      fc.boolean(),
      fc.option(fc.string()),
      (any, all, follow) => {
        const { lines, leftOut } = timeline(any, [], { to: any.events.length - 1, all, follow });
        expect(lines.length + leftOut).toBe(any.events.length);
      },
    );
    fc.assert(property);
  });
});

it('follower takes the group that the device just left for its own, and no longer', () => {
  const { follows, isAbout } = follower(NIC);
  const [one] = violations;
  const ofGroup = { subject: 'group 7', values: {} };
  const isOurs = () => one !== undefined && isAbout({ ...one, ...ofGroup });
  expect(isOurs()).toBe(false);
  follows({ type: 'group.joined', dev: NIC, group: 7 });
  expect(isOurs()).toBe(true);
  follows({ type: 'group.left', dev: NIC, group: 7 });
  expect(isOurs()).toBe(true);
  follows({ type: 'group.freed', group: 7 });
  expect(isOurs()).toBe(false);
});

it('follower takes a number as a group', () => {
  const { follows } = follower('3');
  expect(follows({ type: 'group.allocated', group: 3 })).toBe(true);
  expect(follows({ type: 'group.allocated', group: 30 })).toBe(false);
});

describe('shellWords', () => {
  it.each([
    [['reprobe', 'replay', 'a.yaml', '--to', '17'], 'reprobe replay a.yaml --to 17'],
    [['a b', "it's"], "'a b' 'it'\\''s'"],
    [['$(x)', ''], "'$(x)' ''"],
  ])('%j', (words, line) => {
    expect(shellWords(words)).toBe(line);
  });
});
