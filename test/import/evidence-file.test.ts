// Tests that a file beside a log is told by its content, and that what is of no kind is refused with
// its place.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../src/error.ts';
import { readEvidence } from '../../src/import/evidence-file.ts';

const TRACE = `# tracer: nop
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
          modprobe-71    [001] .....     3.100000: add_device_to_group: IOMMU: groupID=2 device=0000:01:00.0
          modprobe-71    [001] .....     3.100100: attach_device_to_domain: IOMMU: device=0000:01:00.0
          modprobe-71    [001] .....     3.100200: map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000104af1000 size=4096
          modprobe-71    [001] d....     3.099000: really_probe: (really_probe+0x0/0x3f0) dev="0000:01:00.0" drv="e1000e"
          modprobe-71    [001] .....     3.200000: really_probe_ret: (__driver_probe_device+0x8c/0x190 <- really_probe) ret=517
          <idle>-0       [000] d.h..     4.000000: io_page_fault: IOMMU:arm-smmu-v3 0000:01:00.0 iova=0x00000000dead0000 flags=0x0001
`;
/** What trace-cmd report makes of such events. */
const REPORT = `cpus=2
   modprobe-71    [001]     3.100000: add_device_to_group:  IOMMU: groupID=2 device=0000:01:00.0
   <...>-9        [000] .....     3.300000: remove_device_from_group: IOMMU: groupID=2 device=0000:01:00.0
   kworker/u4:1-9 (      9) [000] d..1.     3.400000123: sched_switch:         prev_comm=a ==> next_comm=b
`;

describe('the kind of a file', () => {
  it('is that of its content', () => {
    const kinds = [
      'dev-clk\tplatform: supplier lab-missing-clk not ready\ndev-b\t\n',
      '# uptime 1.00 2.00\n[devices]\nplatform driver=- iommu_group=-\n',
      TRACE,
      REPORT,
      '#\n# Linux/arm64 6.1 Kernel Configuration\n#\nCONFIG_ARM_SMMU=m\n# CONFIG_VFIO is not set\n',
      '',
    ].map((text) => readEvidence(text, 'f').kind);
    expect(kinds).toEqual(['deferred', 'sysfs', 'ftrace', 'ftrace', 'config', 'deferred']);
  });

  it.each([
    ['a log', '[    1.000000] Linux version 6.1.0\n', 1, 1],
    ['blanks and prose', '\n\n  words\n', 3, 3],
    ['a line without a tab', 'dev-a\t\ndev-b needs a clock\n', 2, 6],
    ['a line of a trace that is none', `${TRACE}nonsense\n${TRACE}`, 9, 1],
    ['a listing with a line of no section', '[iommu_groups]\ngruop 0\n\n', 2, 1],
  ])('is none: %s, with its place', (_, text, line, column) => {
    expect(() => readEvidence(text, 'f.txt')).toThrow(
      expect.objectContaining({ file: 'f.txt', line, column }),
    );
  });

  it('is read or refused, whatever the text', () => {
    const lines = [...TRACE.split('\n'), ...REPORT.split('\n'), '[devices]', 'dev\treason'];
    const line = fc.oneof(fc.constantFrom(...lines), fc.string());
    fc.assert(
      fc.property(fc.array(line), (some) => {
        try {
          readEvidence(some.join('\n'), 'f');
        } catch (error) {
          expect(error).toBeInstanceOf(ReprobeError);
          expect(error).toMatchObject({ file: 'f', line: expect.any(Number) });
          expect(error).toMatchObject({ column: expect.any(Number) });
        }
      }),
    );
  });
});

describe('the text of a trace', () => {
  it('tells of groups, attachments, faults and how probes ended, by time', () => {
    const read = readEvidence(TRACE, 't');
    if (read.kind !== 'ftrace') throw new Error('no trace');
    const { facts, others, events, firstUs } = read.traced;
    expect(
      facts.map(({ kind, dev, group, drv, error, timeUs }) => ({
        ...{ kind, dev, group, drv, error, timeUs },
      })),
    ).toMatchObject([
      { kind: 'probe.started', drv: 'e1000e', timeUs: 3_099_000 },
      { kind: 'iommu.group.added', dev: '0000:01:00.0', group: 2 },
      { kind: 'iommu.attached', dev: '0000:01:00.0' },
      { kind: 'probe.deferred', drv: 'e1000e', error: -517, timeUs: 3_200_000 },
      { kind: 'iommu.fault', dev: '0000:01:00.0' },
    ]);
    expect(others).toEqual({ map: 1 });
    expect({ events, firstUs }).toEqual({ events: 6, firstUs: 3_099_000 });
  });

  it('is read as trace-cmd reports it, with and without flags, to the nanosecond', () => {
    const read = readEvidence(REPORT, 't');
    if (read.kind !== 'ftrace') throw new Error('no trace');
    expect(read.traced.facts.map(({ kind }) => kind)).toEqual([
      'iommu.group.added',
      'iommu.group.removed',
    ]);
    expect(read.traced.others).toEqual({ sched_switch: 1 });
  });

  it('gives back what was printed of it', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/);
    const event = fc.record({
      task: word,
      pid: fc.nat(99_999),
      us: fc.nat(2 ** 40),
      group: fc.nat(500),
      device: word,
    });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1 }), (events) => {
        const text = events.map(({ task, pid, us, group, device }) => {
          const stamp = `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
          return ` ${task}-${pid} [001] ..... ${stamp}: add_device_to_group: IOMMU: groupID=${group} device=${device}\n`;
        });
        const read = readEvidence(text.join(''), 't');
        if (read.kind !== 'ftrace') throw new Error('no trace');
        const told = read.traced.facts.map(({ dev, group, timeUs }) => ({ dev, group, timeUs }));
        const byTime = events.toSorted((a, b) => a.us - b.us);
        expect(told).toEqual(
          byTime.map(({ device, group, us }) => ({ dev: device, group, timeUs: us })),
        );
      }),
    );
  });
});
