import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSessionFolder, readTwin } from '../../src/commands/read-session.ts';
import { createRun, type Run, type RunOptions } from '../../src/engine/run.ts';
import { tableOf } from '../../src/events/table.ts';
import { createScheduleGuide, type Mark, type TaskCourses } from '../../src/import/schedule.ts';
import { keyOfPause, marksOf } from '../../src/verify/marks.ts';
import { readSession } from '../../src/verify/session.ts';
import { verifySession } from '../../src/verify/verify.ts';
import { TRACES } from '../corpora.ts';
import { BOOT, smallSystem } from '../model/small-machine.ts';

/** Every driver probes beside the rest, and the driver core says all it does. */
const cmdline = 'initcall_debug driver_async_probe=* dyndbg="file drivers/base/* +p"';
const ROUNDS = 4;

function boot(options: RunOptions): Run {
  const run = createRun(smallSystem({}, { cmdline }), options);
  run.give(BOOT);
  return run;
}

/** The keys of the lines a run printed, in order. */
function keysOf(run: Run): readonly string[] {
  return run.scheduler.events.flatMap(({ event }) =>
    event.type === 'printk' ? (keyOfPause(event) ?? []) : [],
  );
}

function marksFor(keys: readonly string[]): ReadonlyMap<number, readonly Mark[]> {
  return new Map([[0, keys.map((key, i) => ({ key, isCall: false, timeUs: i }))]]);
}

/** Boots along the marks until all their lines come in order, a few times at most. */
function follow(keys: readonly string[]): Run {
  const marks = marksFor(keys);
  let courses: TaskCourses | undefined;
  let run = boot({});
  for (let round = 0; round < ROUNDS && keysOf(run).join('\n') !== keys.join('\n'); round += 1) {
    const guide = createScheduleGuide(marks, keyOfPause, courses);
    run = boot({ choose: guide.choose, onEvent: guide.onEvent });
    courses = guide.courses;
  }
  return run;
}

function luckOf(luck: readonly number[]) {
  let drawn = 0;
  return (runnable: readonly unknown[]) => (luck[drawn++ % luck.length] ?? 0) % runnable.length;
}

describe('a schedule guide', () => {
  const ofProbe = (key: string) =>
    /^probe\.(?:matched|started|driver_bound|bound|returned) /.test(key);

  it('finds the schedule in which two probes go side by side', () => {
    const lines = keysOf(boot({})).filter(ofProbe);
    const [smmu, host] = ['9050000.smmuv3', '40000000.pcie'].map((dev) =>
      lines.filter((key) => key.includes(` ${dev} `)),
    );
    expect([smmu?.length, host?.length]).toEqual([5, 5]);
    const sideBySide = smmu?.flatMap((key, i) => [key, host?.[i] ?? '']) ?? [];
    const isAbout = (key: string) => sideBySide.includes(key);
    expect(lines.filter(isAbout)).not.toEqual(sideBySide);
    expect(keysOf(follow(sideBySide)).filter(isAbout)).toEqual(sideBySide);
  });

  it('stays with the default where nothing was recorded', () => {
    const { choose, onEvent } = createScheduleGuide(new Map(), keyOfPause);
    expect(boot({ choose, onEvent }).trace()).toEqual(boot({}).trace());
  });

  it('passes over what the emulated kernel never prints', () => {
    const keys = keysOf(boot({}));
    const withForeign = keys.flatMap((key, i) => [key, `foreign ${i}`]);
    expect(keysOf(follow(withForeign))).toEqual(keys);
  });

  // Not of all: a guide that knows lines alone may let the deferred worker make a round too many.
  it('gives back the lines of nearly any schedule, in their order', () => {
    const lucks = fc.sample(fc.array(fc.nat(5), { minLength: 1, maxLength: 60 }), {
      numRuns: 100,
      seed: 1,
    });
    const given = lucks.filter((luck) => {
      const keys = keysOf(boot({ choose: luckOf(luck) }));
      return keysOf(follow(keys)).join('\n') === keys.join('\n');
    });
    expect(given.length).toBeGreaterThanOrEqual(95);
  });

  it('makes choices that replay exactly', () => {
    const keys = keysOf(boot({ choose: luckOf([1, 0, 2]) }));
    const trace = follow(keys).trace();
    expect(boot({ choices: trace.header.choices }).trace()).toEqual(trace);
  });
});

describe('marks', () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const DMESG = [
    "[    1.000300] bus: 'platform': add driver one",
    "[    1.000200] bus: 'platform': add driver two",
    '[    2.000000] reprobe-action: 1: insmod x.ko',
    "[    2.000100] bus: 'platform': add driver three",
  ].join('\n');
  const KPROBE =
    '  insmod-9  [001] d....     1.000250: really_probe: (really_probe+0x0/0x3f0) dev="d" drv="one"\n';
  const session = readSession(
    tableOf([
      ['dmesg.txt', encode(DMESG)],
      ['kprobe.txt', encode(KPROBE)],
    ]),
    'x',
  );
  const keys = (marks: readonly Mark[] | undefined) => marks?.map(({ key }) => key.split(' ')[0]);

  it('stand by action in the order of time, lines in that of the log', () => {
    const marks = marksOf(session, true);
    expect(keys(marks.get(0))).toEqual(['really_probe', 'driver.registered', 'driver.registered']);
    expect(marks.get(0)?.[1]?.key).toMatch(/ one /);
    expect(keys(marks.get(1))).toEqual(['driver.registered']);
    expect(keys(marksOf(session, false).get(0))).toHaveLength(2);
  });

  const bootKeys = (dmesg: string) =>
    marksOf(readSession(tableOf([['dmesg.txt', encode(dmesg)]]), 'x'), false)
      .get(0)
      ?.map(({ key }) => key.split(' ').slice(0, 3).join(' '));

  it('tell of initcalls as a log with initcall_debug does', () => {
    const log = [
      "[    1.000100] bus: 'platform': add driver one",
      '[    1.000200] calling  pci_sysfs_init+0x0/0x8c @ 1',
      "[    1.000300] bus: 'platform': add driver two",
    ].join('\n');
    expect(bootKeys(log)?.[1]).toBe('initcall pci_sysfs_init');
  });

  it('tell of pci_sysfs_init by the functions that were there already', () => {
    const scan = (n: number) =>
      `[    1.00010${n}] pci 0000:00:0${n}.0: [1b36:000c] type 01 class 0x060400`;
    const twice =
      "[    2.000000] sysfs: cannot create duplicate filename '/devices/pci0000:00/0000:00:02.0/resource0'";
    expect(bootKeys([scan(1), scan(2), scan(3), twice].join('\n'))).toEqual([
      'pci.device pci 0000:00:01.0',
      'pci.device pci 0000:00:02.0',
      'initcall pci_sysfs_init',
      'pci.device pci 0000:00:03.0',
      'sysfs.duplicate - -',
    ]);
    expect(bootKeys([scan(1), scan(2)].join('\n'))).toHaveLength(2);
  });
});

const RECORDED = [
  'r1-as-smmuv3',
  'r18-c-smmuv3',
  's09-c61-async-probe-verbose',
  's08-c61-dt-platdev-plain',
];

describe.each(RECORDED)('%s', (name) => {
  const folder = join(TRACES, name);

  it.skipIf(!existsSync(folder))(
    'has a schedule of the emulated kernel (skipped where absent)',
    {
      timeout: 60_000,
    },
    async () => {
      const verdict = verifySession(await readSessionFolder(folder), await readTwin(folder));
      expect(verdict.mismatches).toEqual([]);
      expect(verdict.schedule?.notDefault).toBeGreaterThan(0);
    },
  );
});
