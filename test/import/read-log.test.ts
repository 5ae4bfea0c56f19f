import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLog } from '../../src/import/format.ts';
import { importLog, importRead } from '../../src/import/import.ts';
import { createLogIntake, type ReadLog } from '../../src/import/read-log.ts';
import { recognise } from '../../src/import/recognise.ts';

const bytesOf = (lines: readonly string[]): Uint8Array =>
  new TextEncoder().encode(lines.join('\n'));
const at = (i: number, text: string): string =>
  `[${String(Math.floor(i / 1000)).padStart(5)}.${String(i % 1000).padStart(3, '0')}000] ${text}`;

function read(bytes: Uint8Array, size = bytes.length): ReadLog {
  const intake = createLogIntake();
  for (let start = 0; start < bytes.length; start += size)
    intake.push(bytes.subarray(start, start + size));
  return intake.end();
}

describe('of a boot', () => {
  const lines = ['nvme 0000:01:00.0: one', 'nvme 0000:01:00.0: two', 'pci 0000:01:00.0: three'];

  it('lines that show who has a device are counted, the first and the last stay', () => {
    const log = read(bytesOf([...lines, 'nvme 0000:01:00.0: four'].map((text, i) => at(i, text))));
    expect(log.kinds).toEqual({ 'device.evidence': 4 });
    expect(log.observations.map(({ record }) => record.text)).toEqual([
      'nvme 0000:01:00.0: one',
      'pci 0000:01:00.0: three',
      'nvme 0000:01:00.0: four',
    ]);
  });

  it('all else stays, as it is recognised', () => {
    const bytes = readFileSync('examples/owner_cnt-leak.dmesg.txt');
    const all = parseLog(bytes).records.flatMap((record) => recognise(record) ?? []);
    const { observations, kinds } = read(bytes, 100);
    const told = observations.filter(({ kind }) => kind !== 'device.evidence');
    expect(told).toEqual(all.filter(({ kind }) => kind !== 'device.evidence'));
    expect(Object.values(kinds).reduce((sum, count) => sum + count, 0)).toBe(all.length);
    for (const one of observations) expect(all).toContainEqual(one);
  });

  it('so much stays, and what is left out is told', () => {
    const group = (i: number) => at(i, `pci 0000:01:00.0: Adding to iommu group ${i}`);
    const log = read(bytesOf(Array.from({ length: 65_540 }, (_, i) => group(i))));
    expect(log.kinds).toEqual({ 'iommu.group.added': 65_540 });
    expect(log.observations).toHaveLength(65_536);
    expect(log.leftOut).toBe(65_537);
  });

  it('unknown lines stay by their shape', () => {
    const unknown = [1, 2].map((i) => at(i, `arm-smmu: line ${i} that nobody knows`));
    expect(read(bytesOf(unknown)).unrecognised).toEqual([
      { shape: 'arm-smmu: line # that nobody knows', count: 2, line: 1 },
    ]);
  });
});

it('takes the boot that says most, the first of equals', () => {
  const boot = (first: number, ...devices: string[]): readonly string[] => [
    at(0, 'Linux version 6.1.0'),
    ...devices.map((dev, i) => at(first + i, `pci ${dev}: a line`)),
  ];
  const two = ['0000:01:00.0', '0000:02:00.0'];
  const log = [...boot(1000, '0000:01:00.0'), ...boot(1500, ...two), ...boot(1700, ...two)];
  expect(read(bytesOf(log))).toMatchObject({ boot: 1, boots: 3, records: 8 });
  expect(read(bytesOf([]))).toMatchObject({ boot: 0, boots: 0, records: 0, observations: [] });
});

it.each(['owner_cnt-leak', 'groups-by-probe-order'])('imports %s in pieces', (name) => {
  const bytes = readFileSync(`examples/${name}.dmesg.txt`);
  const options = { name, version: null, config: {}, patches: {}, machine: null };
  expect(importRead(read(bytes, 777), options)).toEqual(importLog(bytes, options));
});
