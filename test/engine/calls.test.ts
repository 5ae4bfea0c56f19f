// Goal: a task's calls give the steps of nested paths in order, hand results to callers, and end
// with what is thrown. Method: paths that yield lines, with declared paths among them.
import { describe, expect, it } from 'vitest';
import { createCalls } from '../../src/engine/calls.ts';
import { createRun } from '../../src/engine/run.ts';
import { locked, type Path, path, rootFrame, type Step } from '../../src/model/path.ts';
import { printk } from '../../src/model/printk.ts';
import { smallSystem } from '../model/small-machine.ts';

const leaf = path('leaf', function* (_k, times: number): Path<number> {
  for (let i = 0; i < times; i += 1) yield printk('info', `leaf ${i}`);
  if (times < 0) throw new Error('no such times');
  return times * 2;
});

const middle = path('middle', function* (k, times: number): Path<string> {
  const twice = yield* locked('m', leaf(k, times));
  yield printk('info', `twice ${twice}`);
  return `${twice + (yield* leaf(k, 0))}`;
});

const deeper = path('deeper', function* (k): Path<number> {
  return yield* deeper(k);
});

const newKernel = () => createRun(smallSystem()).kernel;
const wordOf = (step: Step) => (step.type === 'printk' ? step.text : step.type);

describe('calls of a task', () => {
  it('gives the steps of all paths in order, and the result of the first', () => {
    const k = newKernel();
    const calls = createCalls(middle(k, 2), rootFrame());
    const seen: string[] = [];
    let next = calls.next();
    for (; next.done !== true; next = calls.next())
      seen.push(`${calls.frame.names.join('>')}: ${wordOf(next.value)}`);
    expect(next.value).toBe('4');
    expect(seen).toEqual([
      'middle: lock',
      'middle>leaf: leaf 0',
      'middle>leaf: leaf 1',
      'middle: unlock',
      'middle: twice 4',
    ]);
    expect(calls.frame.names).toEqual([]);
  });

  it('ends all of them with what one throws', () => {
    const k = newKernel();
    const caller = path('caller', function* (): Path<number> {
      return yield* leaf(k, -1);
    });
    const calls = createCalls(caller(k), rootFrame());
    expect(() => calls.next()).toThrow('no such times');
  });

  it.each([
    [
      'beside each other',
      function* (k): Path<number> {
        for (;;) yield* leaf(k, 0);
      },
    ],
    [
      'in each other',
      function* (k): Path<number> {
        return yield* deeper(k);
      },
    ],
  ] satisfies [string, (k: ReturnType<typeof newKernel>) => Path<number>][])(
    'end where calls %s do not',
    (_, body) => {
      const calls = createCalls(body(newKernel()), rootFrame());
      expect(() => calls.next()).toThrow('calls without end');
    },
  );
});
