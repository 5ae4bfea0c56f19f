import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../src/error.ts';
import { kprobeCalls, parseKprobes } from '../../src/import/kprobe-file.ts';

const TRACE = `# tracer: nop
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
          swapper-1     [000] d....     0.400000: really_probe: (really_probe+0x0/0x410) dev="a" drv="x"
            init-1       [000] .....     5.211156: tracing_mark_write: reprobe-action: 5: echo 0000:01:00.0 > x
              sh-216     [001] d....     7.732295: really_probe: (really_probe+0x0/0x410) dev="0000:01:00.0" drv="e1000e"
              sh-216     [001] d....     7.733225: of_iommu_configure: (of_iommu_configure+0x0/0x27c) dev="0000:01:00.0"
              sh-216     [001] .....     7.733258: of_iommu_configure_ret: (of_dma_configure_id+0x110/0x2e4 <- of_iommu_configure) ret=0xfffffffffffffdfb
 kworker/u4:1-9        [000] d....     7.733300: use_default_domain: (iommu_device_use_default_domain+0x0/0xb0) dev="b" grp=(fault) owner_cnt=3131 owner=0x5
 kworker/u4:1-9        [000] .....     7.733400: use_default_domain_ret: (x+0x1/0x2 <- y) ret=0
              sh-216     [001] d....     7.734000: use_default_domain: (iommu_device_use_default_domain+0x0/0xb0) dev="0000:01:00.0" grp="1" owner_cnt=2 owner=0x0
              sh-216     [001] .....     7.766438: really_probe_ret: (__driver_probe_device+0x8c/0x190 <- really_probe) ret=-517
##### CPU 1 buffer started ####
              sh-216     [001] d....     7.800000: device_del: (device_del+0x0/0x37c) dev="eth0"
`;

describe('a kprobe trace', () => {
  const calls = kprobeCalls(parseKprobes(TRACE));
  it('pairs returns with entries of the same task, the latest first', () => {
    expect(calls.map(({ probe, pid, ret, action }) => [probe, pid, ret, action])).toEqual([
      ['really_probe', 1, null, 0],
      ['really_probe', 216, -517, 5],
      ['of_iommu_configure', 216, -517, 5],
      ['use_default_domain', 9, 0, 5],
      ['use_default_domain', 216, null, 5],
      ['device_del', 216, null, 5],
    ]);
    expect(calls.map((call) => call.depth)).toEqual([0, 0, 1, 0, 1, 0]);
    expect(calls[1]).toMatchObject({ timeUs: 7_732_295, returnTimeUs: 7_766_438, task: 'sh' });
  });

  it('reads counts only where the group is a number', () => {
    expect(calls[3]?.args).toEqual({ dev: 'b', grp: '(fault)' });
    expect(calls[4]?.args).toMatchObject({ grp: '1', owner_cnt: '2', owner: '0x0' });
  });

  it('refuses a line that is none, but not a torn last one', () => {
    expect(() => parseKprobes(`${TRACE}garbage\n${TRACE}`, 'k.txt')).toThrow(
      expect.objectContaining({ code: 'BAD_SESSION', file: 'k.txt', line: 14 }),
    );
    expect(parseKprobes(`${TRACE}   sh-216   [0`)).toHaveLength(9);
  });
});

it('takes the last numbers of 32 and of 64 bits for errors, other addresses for none', () => {
  const returned = (ret: string) =>
    kprobeCalls(
      parseKprobes(
        `  sh-1 [001] d....  1.000001: f: (f+0x0/0x1) dev="d"\n  sh-1 [001] d....  1.000002: f_ret: (g+0x1/0x2 <- f) ret=${ret}\n`,
      ),
    )[0]?.ret;
  expect(['0xfffffdfb', '0xfffffffffffffdfb', '0x0', '0xffff800000478190'].map(returned)).toEqual([
    -517,
    -517,
    0,
    null,
  ]);
});

it('reads any text or says why not', () => {
  const line = fc.oneof(fc.constantFrom(...TRACE.split('\n')), fc.string());
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      try {
        const events = parseKprobes(lines.join('\n'));
        const calls = kprobeCalls(events);
        expect(calls).toHaveLength(events.filter((event) => !event.isReturn).length);
      } catch (error) {
        if (!(error instanceof ReprobeError)) throw error;
      }
    }),
  );
});
