import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldAll } from '../../src/engine/history.ts';
import { createRun, type Run, type RunOptions } from '../../src/engine/run.ts';
import { INIT_TASK } from '../../src/engine/scheduler.ts';
import type { KernelEvent } from '../../src/events/event.ts';
import type { PathProbe } from '../../src/model/context.ts';
import type { Path, Pause, Spawn, Step } from '../../src/model/path.ts';
import { BOOT, runSmall, smallSystem, USER_ACTIONS } from '../model/small-machine.ts';

const STARTED: KernelEvent = { type: 'task.started', stimulus: { do: 'note', text: '' } };
const LOCK: Step = { type: 'lock', lock: 'L' };
const UNLOCK: Step = { type: 'unlock', lock: 'L' };

function says(text: string): KernelEvent {
  return { type: 'printk', level: 'info', text, dev: null };
}

function* steps(list: readonly Step[], ret = 0): Path<number> {
  yield* list;
  return ret;
}

function spawn(what: string, list: readonly Step[]): Spawn {
  return { type: 'spawn', what, path: () => steps(list) };
}

function newRun(options: RunOptions = {}): Run {
  return createRun(smallSystem(), options);
}

function start(run: Run, name: string, list: readonly Step[], ret = 0) {
  return run.scheduler.run(name, STARTED, steps(list, ret));
}

function textOf(at: Pause): string {
  if (at.type === 'printk') return at.text;
  return at.type === 'sleep' ? at.on : at.name;
}

/** What was said, in order. */
function said(run: Run): readonly string[] {
  return run.scheduler.events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));
}

/** Decides by the numbers given, then stays. */
function luckOf(luck: readonly number[]) {
  let drawn = 0;
  return (runnable: readonly unknown[]) => (luck[drawn++] ?? 0) % runnable.length;
}
const aLuck = fc.array(fc.nat(7), { maxLength: 40 });

describe('a task', () => {
  it('returns what its path returns', () => {
    expect(start(newRun(), 'sh-0', [], -16)).toEqual({ kind: 'returned', ret: -16 });
  });

  it('goes on until it can not, unless a choice says otherwise', () => {
    const list = [spawn('b', [says('b1'), says('b2')]), says('a1'), says('a2')];
    const stays = newRun();
    start(stays, 'a', list);
    expect(said(stays)).toEqual(['a1', 'a2', 'b1', 'b2']);
    const switches = newRun({ choose: () => 1 });
    start(switches, 'a', list);
    expect(said(switches)).toEqual(['b1', 'a1', 'b2', 'a2']);
  });

  it('that is a work item is not started while it is under way', () => {
    const run = newRun();
    const work = (text: string): Step => ({ ...spawn('b', [says(text)]), single: true });
    start(run, 'a', [work('first'), work('second'), spawn('b', [says('other')])]);
    expect(said(run)).toEqual(['first', 'other']);
    start(run, 'c', [work('third')]);
    expect(said(run)).toEqual(['first', 'other', 'third']);
  });
});

describe('a run without an end', () => {
  it.each<[string, Step]>([
    ['sleeps', { type: 'sleep', on: 'hardware' }],
    ['makes way', { type: 'cond_resched' }],
    ['waits for what is there', { type: 'wait', on: 'all', until: () => true }],
  ])('ends where a task %s for ever and makes no event', (_, step) => {
    function* forever(): Path<number> {
      for (;;) yield step;
    }
    const run = newRun();
    const act = () => run.scheduler.run('sh-0', STARTED, forever());
    expect(act).toThrow('100000 steps without an event: sh-0');
  });
});

describe('a line', () => {
  it('is held back until its task is chosen again, in view of who chooses', () => {
    const views: string[][] = [];
    const run = newRun({
      choose: (runnable) => {
        views.push(runnable.map(({ name, at }) => `${name}: ${at === null ? '' : textOf(at)}`));
        const free = runnable.findIndex(({ at }) => at?.type !== 'printk');
        return free < 0 ? runnable.length - 1 : free;
      },
    });
    start(run, 'a', [spawn('b', [says('b1')]), says('a1'), { type: 'deferred.enabled' }]);
    expect(views).toEqual([
      ['a: ', 'b: its start'],
      ['a: a1', 'b: its start'],
      ['b: b1', 'a: a1'],
      ['a: ', 'b: b1'],
      ['a: ', 'b: b1'],
    ]);
    expect(said(run)).toEqual(['a1', 'b1']);
  });

  it('changes no state, whenever it is printed', () => {
    const property = fc.property(aLuck, (luck) => {
      const { events, header } = runSmall(
        [BOOT],
        { asyncNic: true },
        {},
        { choose: luckOf(luck) },
      ).trace();
      const silent = events.filter(({ event }) => event.type !== 'printk');
      expect(foldAll(silent)).toEqual(foldAll(events));
      expect(header.choices.at(-1)).not.toBe(0);
    });
    fc.assert(property, { numRuns: 20 });
  });
});

describe('a probed call', () => {
  it('is a place at which another task may get ahead', () => {
    const calls: string[] = [];
    const probe: PathProbe = {
      holds: true,
      watches: (name) => name === 'really_probe',
      enter: (_, args) => calls.push(String(args[0])),
      leave() {},
    };
    const options = { cmdline: 'driver_async_probe=*' };
    runSmall([BOOT], {}, options, { probe });
    const [first] = calls.splice(0);
    const hold: RunOptions['choose'] = (runnable) => {
      const free = runnable.findIndex(({ at }) => at?.type !== 'call' || at.args[0] !== first);
      return Math.max(free, 0);
    };
    const held = runSmall([BOOT], {}, options, { probe, choose: hold }).trace();
    expect(calls.indexOf(first ?? '')).toBeGreaterThan(0);
    const { choices } = held.header;
    expect(runSmall([BOOT], {}, options, { probe, choices }).trace()).toEqual(held);
  });
});

describe('a lock', () => {
  it('keeps the sections it guards apart under every schedule', () => {
    const section = (name: string): readonly Step[] => [
      LOCK,
      says(`${name} in`),
      says(`${name} works`),
      says(`${name} out`),
      UNLOCK,
    ];
    const property = fc.property(aLuck, (luck) => {
      const run = newRun({ choose: luckOf(luck) });
      start(run, 'a', [spawn('b', section('b')), spawn('c', section('c')), ...section('a')]);
      const inside = said(run);
      expect(inside).toHaveLength(9);
      for (let i = 0; i < 9; i += 3)
        expect(new Set(inside.slice(i, i + 3).map((text) => text[0])).size).toBe(1);
    });
    fc.assert(property);
  });

  it('may be taken again by its holder, and is free after as many releases', () => {
    const run = newRun({ choose: () => 1 });
    const guarded = spawn('b', [LOCK, says('b'), UNLOCK]);
    start(run, 'a', [LOCK, LOCK, guarded, says('1'), UNLOCK, says('2'), UNLOCK, says('3')]);
    expect(said(run)).toEqual(['1', '2', 'b', '3']);
  });

  it('must not be given back by a task that does not hold it', () => {
    expect(() => start(newRun(), 'a', [UNLOCK])).toThrow(/unlocks L, which it does not hold/);
  });
});

describe('a wait', () => {
  it('ends when the state is as wanted', () => {
    const run = newRun();
    const until: Step = { type: 'wait', on: 'deferral', until: (state) => state.deferred.enable };
    const end = start(run, 'a', [until, says('awake')]);
    expect(end).toEqual({ kind: 'blocked', on: 'deferral' });
    start(run, 'b', [{ type: 'deferred.enabled' }, says('enabled')]);
    expect(said(run)).toEqual(['enabled', 'awake']);
    expect(run.scheduler.endOf('a')).toEqual({ kind: 'returned', ret: 0 });
  });

  it('is told once, with the lock and its holder', () => {
    const run = newRun();
    const forever: Step = { type: 'wait', on: 'nothing', until: () => false };
    start(run, 'a', [LOCK, forever]);
    start(run, 'b', [LOCK, says('never')]);
    start(run, 'c', []);
    const told = run.scheduler.events.flatMap(({ event, task }) =>
      event.type === 'task.blocked' ? [[task, event.on]] : [],
    );
    expect(told).toEqual([
      ['a', 'nothing'],
      ['b', 'L, held by a'],
    ]);
    expect(run.scheduler.endOf('b')).toEqual({ kind: 'blocked', on: 'L, held by a' });
  });

  it('for the end of other tasks takes all whose name begins so', () => {
    const property = fc.property(aLuck, (luck) => {
      const run = newRun({ choose: luckOf(luck) });
      const children = ['async x', 'async y'].map((what) => spawn(what, [says('child')]));
      start(run, 'a', [...children, { type: 'join', what: 'async' }, says('parent')]);
      expect(said(run)).toEqual(['child', 'child', 'parent']);
    });
    fc.assert(property);
  });
});

describe('an oops', () => {
  const oops: KernelEvent = { type: 'kernel.oopsed', at: 'f', what: 'NULL pointer dereference' };

  it('kills its task, with its locks held for ever', () => {
    const run = newRun();
    expect(start(run, 'a', [LOCK, oops, says('never'), UNLOCK])).toEqual({ kind: 'dead' });
    expect(start(run, 'b', [LOCK])).toEqual({ kind: 'blocked', on: 'L, held by a' });
    expect(said(run)).toEqual([]);
    expect(run.state.oops).toBe('f');
  });

  it('of the first task stops the machine', () => {
    const run = newRun();
    start(run, 'swapper/0', [spawn('b', [says('never')]), oops]);
    const count = run.scheduler.events.length;
    expect(start(run, 'c', [says('never')])).toEqual({ kind: 'dead' });
    expect(run.scheduler.events).toHaveLength(count);
  });
});

describe('a run', () => {
  it('is replayed exactly by its choices', () => {
    const aCase = fc.record({
      luck: aLuck,
      stimuli: fc.array(fc.constantFrom(...USER_ACTIONS), { maxLength: 6 }),
    });
    const property = fc.property(aCase, ({ luck, stimuli }) => {
      const options = { asyncNic: true };
      const all = [BOOT, ...stimuli];
      const first = runSmall(all, options, {}, { choose: luckOf(luck) }).trace();
      const { choices } = first.header;
      expect(runSmall(all, options, {}, { choices }).trace()).toEqual(first);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('that does not end is stopped', () => {
    const list = Array.from({ length: 20 }, () => says('again'));
    expect(() => start(newRun({ eventsMax: 10 }), 'a', list)).toThrow(/does not end within 10/);
  });

  it('has a state for each of its events', () => {
    const seen: number[] = [];
    const run = newRun({ onEvent: (_, index) => seen.push(index) });
    start(run, 'a', [says('x'), says('y')]);
    expect(seen).toEqual(run.scheduler.events.map((_, i) => i));
  });
});

describe('steps at once', () => {
  const note = (text: string) => ({ do: 'note', text }) as const;
  const unload = { do: 'rmmod', module: 'vfio', force: false } as const;
  const load = { do: 'modprobe', module: 'vfio', params: '' } as const;

  it('all begin before the first goes on, under names of their own', () => {
    const run = newRun();
    run.give(note('x'));
    const end = run.give({ do: 'together', steps: [note('a'), note('b')] });
    expect(end).toEqual({ kind: 'returned', ret: 0 });
    expect(run.scheduler.events.slice(2).map(({ event, task }) => [event.type, task])).toEqual([
      ['task.started', 'sh-1.0'],
      ['task.started', 'sh-1.1'],
      ['task.finished', 'sh-1.0'],
      ['task.finished', 'sh-1.1'],
    ]);
    expect(run.trace().header.stimuli).toHaveLength(2);
  });

  it('come in every order that the choices ask for', () => {
    const ends = [[], [1], [0, 1]].map((choices) => {
      const run = newRun({ choices });
      run.give({ do: 'together', steps: [load, unload] });
      return [run.taskOf(0), 'rmmod-0.1'].map((task) => run.scheduler.endOf(task));
    });
    const returned = (ret: number) => ({ kind: 'returned', ret });
    // Loaded and unloaded; not there yet; there, but not live yet.
    expect(ends).toEqual([
      [returned(0), returned(0)],
      [returned(0), returned(-2)],
      [returned(0), returned(-16)],
    ]);
  });

  it('that fail are the end of all of them, and none begins on a machine that stopped', () => {
    const run = newRun();
    expect(run.give({ do: 'together', steps: [note('a'), unload, load] })).toEqual({
      ...{ kind: 'returned', ret: -2 },
    });
    run.scheduler.run(INIT_TASK, STARTED, steps([{ type: 'kernel.oopsed', at: 'x', what: 'y' }]));
    const before = run.scheduler.events.length;
    expect(run.give({ do: 'together', steps: [note('a')] })).toEqual({ kind: 'dead' });
    expect(run.scheduler.events).toHaveLength(before);
  });
});
