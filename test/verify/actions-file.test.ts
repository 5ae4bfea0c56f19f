import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../src/error.ts';
import { parseActions, parseActionsFile } from '../../src/verify/actions-file.ts';
import { errnoOfText } from '../../src/verify/errno-text.ts';

const LOG = `# session s kernel 6.1.192-lab #2 SMP
3.15 INIT started
3.32 SNAPSHOT sysfs-0.txt
5.18 NOTE a word
5.20 ACTION 1: /sbin/modprobe vfio-pci
    -> rc=0 (done at 5.34)
5.86 SNAPSHOT sysfs-1.txt
7.83 ACTION 2: echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/bind
    stderr: sh: write error: Device or resource busy
    -> rc=1 (done at 7.85)
8.37 SNAPSHOT sysfs-2.txt
10.26 ACTION 3 (background, output in bg-3.txt): lab vfio 1 0000:01:00.0 dma hold=/tmp/s1
    bg: open("/dev/vfio/1", O_RDWR) = 3
    bg: HOLDING
11.58 SNAPSHOT sysfs-3.txt
12.00 ACTION 4: lab vfio 1 0000:01:00.0
    stdout: open("/dev/vfio/1", O_RDWR) = -1 errno=16 (Device or resource busy)
    -> rc=2 (done at 12.02)
12.10 SNAPSHOT sysfs-4.txt
12.20 BACKGROUND 3 finished rc=0
    bg: open("/dev/vfio/1", O_RDWR) = 3
    bg: ioctl(group, VFIO_GROUP_GET_STATUS) = 0
    bg:   group status flags=0x1 viable=1 container_set=0
    bg: HOLDING
    bg: RELEASING
12.30 SNAPSHOT sysfs-4.txt
12.40 SNAPSHOT sysfs-end.txt
`;

describe('an action log', () => {
  const actions = parseActions(LOG);
  it('gives commands with exit status and the error number of stderr', () => {
    expect(actions.map(({ n, rc, errno }) => [n, rc, errno])).toEqual([
      [1, 0, null],
      [2, 1, 16],
      [3, 0, null],
      [4, 2, null],
    ]);
    expect(actions[1]).toMatchObject({ uptimeUs: 7_830_000, background: false });
  });

  it('keeps the last of the outputs of a background action', () => {
    expect(actions[2]).toMatchObject({ background: true, finishedAfter: 4 });
    expect(actions[2]?.vfio).toMatchObject({ holding: true, releasing: true });
    expect(actions[2]?.vfio?.calls[1]).toMatchObject({
      call: 'VFIO_GROUP_GET_STATUS',
      target: 'group',
      ret: 0,
      values: { flags: '0x1', viable: '1', container_set: '0' },
    });
    expect(actions[3]?.vfio?.calls).toMatchObject([{ call: 'open', ret: -1, errno: 16 }]);
  });

  it('attributes a snapshot that was overwritten to the last time it was taken', () => {
    expect(actions.map((action) => action.snapshots)).toEqual([
      ['sysfs-1.txt'],
      ['sysfs-2.txt'],
      ['sysfs-3.txt'],
      ['sysfs-4.txt', 'sysfs-end.txt'],
    ]);
    const kinds = parseActionsFile(LOG).timeline.map((entry) => entry.kind);
    expect(kinds.slice(-4)).toEqual(['action', 'finished', 'snapshot', 'snapshot']);
  });

  it('refuses what is no action log, with the line', () => {
    const broken = `${LOG}what is this\n1.00 NOTE x\n`;
    expect(() => parseActions(broken, 'a.txt')).toThrow(
      expect.objectContaining({ code: 'BAD_SESSION', file: 'a.txt', line: LOG.split('\n').length }),
    );
  });

  it('passes over a torn last line', () => {
    expect(parseActions(`${LOG}13.0`)).toHaveLength(4);
  });
});

it.each([
  ['sh: write error: Device or resource busy', 16],
  ["sh: can't create /sys/bus/pci/drivers/vfio-pci/bind: nonexistent directory", 2],
  ["sh: can't create /sys/x/unbind: Permission denied", 13],
  ["rmmod: can't unload module 'vfio': Resource temporarily unavailable", 11],
  ['modprobe: module nosuchmodule not found in modules.dep', 2],
  ['Segmentation fault', null],
])('%s is %s', (line, errno) => {
  expect(errnoOfText(line)).toBe(errno);
});

it('reads any text or says why not', () => {
  const piece = fc.oneof(
    fc.constantFrom(...LOG.split('\n')),
    fc.string(),
    fc.constantFrom('    -> rc=0', '1.00 ACTION x', '9.99 BACKGROUND 1 finished rc=0'),
  );
  fc.assert(
    fc.property(fc.array(piece), (lines) => {
      try {
        parseActionsFile(lines.join('\n'));
      } catch (error) {
        expect(error).toBeInstanceOf(ReprobeError);
      }
    }),
  );
});
