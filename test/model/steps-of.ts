/** All that a path asks for, with what it calls, when nobody carries it out. */
import { createCalls } from '../../src/engine/calls.ts';
import { type Path, rootFrame, type Step } from '../../src/model/path.ts';

export function stepsOf(path: Path<unknown>): readonly Step[] {
  const calls = createCalls(path, rootFrame());
  const steps: Step[] = [];
  for (let next = calls.next(); next.done !== true; next = calls.next()) steps.push(next.value);
  return steps;
}
