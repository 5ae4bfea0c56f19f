// Which calls of the model a recording that begins in the middle of a boot is compared with.
import { describe, expect, it } from 'vitest';
import type { KprobeCall } from '../../src/import/kprobe-file.ts';
import type { ModelCall } from '../../src/import/model-calls.ts';
import { compareCalls } from '../../src/verify/compare-calls.ts';
import { createTally } from '../../src/verify/tally.ts';

const PROBE = '__iommu_probe_device';
const CMDLINE = `kprobe_event="p:lab/${PROBE},${PROBE},dev=+0(+0($arg1)):string"`;

const emulated = (subject: string): ModelCall => ({
  probe: PROBE,
  subject,
  drv: null,
  ret: 0,
  owner_cnt: null,
  owned: null,
  action: 0,
  booting: true,
});

const recorded = (dev: string): KprobeCall => ({
  task: 'init',
  pid: 1,
  probe: PROBE,
  args: { dev },
  ret: 0,
  retText: '0',
  action: 0,
  order: 0,
  timeUs: 0,
  returnTimeUs: 0,
  depth: 0,
  line: 1,
});

function missing(real: readonly string[], model: readonly string[]): readonly string[] {
  const tally = createTally();
  compareCalls(tally, real.map(recorded), model.map(emulated), CMDLINE, () => true);
  return tally.mismatches.map(({ subject }) => subject);
}

describe('a recording of a boot', () => {
  // Each device is probed as it is added, and again when the IOMMU comes.
  const BOOT = ['a', 'b', 'c', 'a', 'b', 'c', 'd'];

  it('is compared as a whole where it is whole', () => {
    expect(missing(BOOT, BOOT)).toEqual([]);
    expect(missing(BOOT.slice(0, -1), BOOT)).toEqual([`${PROBE} d`]);
  });

  it('is compared from where it begins when the buffer has forgotten what was before', () => {
    expect(missing(['b', 'c', 'd'], BOOT)).toEqual([]);
    expect(missing(['c', 'a', 'b', 'c', 'd'], BOOT)).toEqual([]);
  });

  it('does not excuse what the model calls after that', () => {
    expect(missing(['a', 'b', 'd'], BOOT)).not.toEqual([]);
  });
});
