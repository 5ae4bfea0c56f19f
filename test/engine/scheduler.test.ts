import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRun, type Run, type RunOptions } from '../../src/engine/run.ts';
import type { KernelEvent } from '../../src/events/event.ts';
import type { Path, Step } from '../../src/model/path.ts';
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

function spawn(what: string, list: readonly Step[]): Step {
  return { type: 'spawn', what, path: () => steps(list) };
}

function newRun(options: RunOptions = {}): Run {
  return createRun(smallSystem(), options);
}

function start(run: Run, name: string, list: readonly Step[], ret = 0) {
  return run.scheduler.run(name, STARTED, steps(list, ret));
}

/** What was said, in order. */
function said(run: Run): readonly string[] {
  return run.scheduler.events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));
}

/** Decides by the numbers given, then stays. */
function luckOf(luck: readonly number[]) {
  let drawn = 0;
  return (runnable: number) => (luck[drawn++] ?? 0) % runnable;
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

  it('is not started twice at a time under one name', () => {
    const run = newRun();
    start(run, 'a', [spawn('b', [says('first')]), spawn('b', [says('second')])]);
    expect(said(run)).toEqual(['first']);
    start(run, 'c', [spawn('b', [says('third')])]);
    expect(said(run)).toEqual(['first', 'third']);
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
