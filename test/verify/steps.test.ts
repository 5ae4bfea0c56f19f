import { describe, expect, it } from 'vitest';
import { tableOf } from '../../src/events/table.ts';
import { readSession } from '../../src/verify/session.ts';
import { stepsOf } from '../../src/verify/steps.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const DMESG = [
  '[    4.000100] reprobe-action: 1: /sbin/modprobe vfio-pci',
  '[    4.500000] reprobe-action: NOTE now the user comes',
  '[    5.000000] reprobe-action: 12: (background) lab vfio 0 0000:01:00.0 dma',
].join('\n');

describe('the steps of a session', () => {
  it('are the actions that the log tells of where the script left no account', () => {
    expect(stepsOf(readSession(tableOf([['dmesg.txt', encode(DMESG)]]), 'x'))).toEqual([
      { kind: 'action', n: 1, uptimeUs: 4_000_100, command: '/sbin/modprobe vfio-pci' },
      { kind: 'action', n: 12, uptimeUs: 5_000_000, command: 'lab vfio 0 0000:01:00.0 dma' },
    ]);
  });

  it('are those of the account where there is one', () => {
    const files = tableOf([
      ['dmesg.txt', encode(DMESG)],
      ['actions.txt', encode('1.00 ACTION 7: ls /dev/vfio\n')],
    ]);
    expect(stepsOf(readSession(files, 'x'))).toEqual([
      { kind: 'action', n: 7, uptimeUs: 1_000_000, command: 'ls /dev/vfio' },
    ]);
  });

  it('are none without either', () => {
    expect(stepsOf(readSession({}, 'x'))).toEqual([]);
  });
});
