import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../src/error.ts';
import { tableOf } from '../../src/events/table.ts';
import { readSession } from '../../src/verify/session.ts';

const encode = (text: string) => new TextEncoder().encode(text);

describe('a session', () => {
  it('is empty where files are missing', () => {
    expect(readSession({}, 'x')).toEqual({
      name: 'x',
      dmesg: null,
      kmsg: null,
      serial: null,
      notes: null,
      actions: null,
      snapshots: {},
      kprobes: [],
      calls: [],
      procCmdline: null,
      cmdline: null,
      machine: {
        fdt: null,
        iort: null,
        dmar: null,
        pciConfig: null,
        modalias: null,
        drivers: null,
        config: null,
      },
    });
  });

  it('takes the output of a background action from its own file', () => {
    const session = readSession(
      tableOf([
        ['actions.txt', encode('1.00 ACTION 7 (background, output in bg-7.txt): echo x > /y\n')],
        ['bg-7.txt', encode('sh: write error: No such device\n')],
      ]),
      'x',
    );
    expect(session.actions?.actions).toMatchObject([
      { n: 7, errno: 19, stdout: ['sh: write error: No such device'] },
    ]);
  });

  it('keeps snapshots in the order of the actions', () => {
    const names = ['end', '10', '9', '10.2', '0'];
    const files = names.map((name): [string, Uint8Array] => [`sysfs-${name}.txt`, encode('')]);
    expect(Object.keys(readSession(tableOf(files), 'x').snapshots)).toEqual([
      'sysfs-0.txt',
      'sysfs-9.txt',
      'sysfs-10.txt',
      'sysfs-10.2.txt',
      'sysfs-end.txt',
    ]);
  });

  it('says which file and line is none of its format', () => {
    const files = tableOf([['machine-drivers.txt', encode('pci e1000 module= bind=1\nx\n')]]);
    expect(() => readSession(files, 'x')).toThrow(
      expect.objectContaining({ code: 'BAD_SESSION', file: 'machine-drivers.txt', line: 2 }),
    );
  });
});

it('reads any files or says why not', () => {
  const name = fc.oneof(
    fc.constantFrom('actions.txt', 'kprobe.txt', 'sysfs-0.txt', 'machine-config', '__proto__'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.uint8Array())), (files) => {
      try {
        readSession(tableOf(files), 'x');
      } catch (error) {
        expect(error).toBeInstanceOf(ReprobeError);
      }
    }),
  );
});
