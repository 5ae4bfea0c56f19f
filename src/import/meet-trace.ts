/** The calls of the replay against those that a trace recorded. */
import { EPROBE_DEFER } from '../model/errno.ts';
import { keyOfCall, POINTER_RESULTS } from './call-key.ts';
import type { Divergence } from './guide.ts';
import type { KprobeCall } from './kprobe-file.ts';
import type { Meeting } from './meet-listing.ts';
import type { ModelCall } from './model-calls.ts';

/** A call with what is compared of it. */
interface Result {
  readonly drv: string | null;
  readonly ret: number | null;
}

/** Where a trace stands beside the log. */
export interface TracePlace {
  readonly file: string;
  /** The last line of the log. */
  readonly line: number;
  readonly event: number;
}

/**
 * Compares what each function returned for each device. A trace begins and ends when it likes: the calls of
 * one function for one device are laid against the first and against the last ones of the replay, and
 * where more agree counts. What the replay calls beside that is not compared. Of one function and one device
 * the first difference is told: others may only follow from it.
 *
 * Cost: each call of either once, and twice those with a counterpart.
 */
export function meetTrace(
  recorded: readonly KprobeCall[],
  emulated: readonly ModelCall[],
  isModelled: (dev: string) => boolean,
  place: TracePlace,
): Meeting {
  const model = new Map<string, ModelCall[]>();
  for (const call of emulated) push(model, `${call.probe} ${call.subject}`, call);
  const real = new Map<string, KprobeCall[]>();
  for (const call of recorded) {
    const key = keyOfCall(call);
    const { dev } = call.args;
    if (key !== null && call.retText !== null && (dev === undefined || isModelled(dev)))
      push(real, key, call);
  }
  let agreed = 0;
  const differs: Divergence[] = [];
  for (const [key, calls] of real) {
    const mine = model.get(key) ?? [];
    const counterparts = best(calls, mine);
    const isMet = (call: KprobeCall, i: number) =>
      counterparts[i] !== undefined && isSame(call, counterparts[i]);
    agreed += calls.filter(isMet).length;
    const first = calls.findIndex((call, i) => !isMet(call, i));
    const call = calls[first];
    if (call !== undefined) differs.push(divergenceOf(key, call, counterparts[first], place));
  }
  return { agreed, differs };
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function best(
  calls: readonly KprobeCall[],
  mine: readonly ModelCall[],
): readonly (ModelCall | undefined)[] {
  const count = (list: readonly ModelCall[]) =>
    list.filter((other, i) => calls[i] !== undefined && isSame(calls[i], other)).length;
  const first = mine.slice(0, calls.length);
  const last = mine.slice(-calls.length);
  return count(first) > count(last) ? first : last;
}

const resultOf = (probe: string, { drv, ret }: Result): Result => {
  const seen = POINTER_RESULTS.has(probe) ? (ret === -EPROBE_DEFER ? ret : 0) : ret;
  return { drv, ret: seen };
};

function isSame(call: KprobeCall, other: ModelCall): boolean {
  const [real, mine] = [realOf(call), resultOf(call.probe, other)];
  return (real.drv === null || real.drv === mine.drv) && (real.ret ?? mine.ret) === mine.ret;
}

const realOf = ({ probe, args, ret }: KprobeCall): Result =>
  resultOf(probe, { drv: args['drv'] ?? null, ret });

function divergenceOf(
  key: string,
  call: KprobeCall,
  other: ModelCall | undefined,
  { file, line, event }: TracePlace,
): Divergence {
  const said = ({ drv, ret }: Result) =>
    `${key}${drv === null ? '' : ` with ${drv}`} returned ${ret ?? 'something'}`;
  return {
    line,
    expected: other === undefined ? `${key} is not called` : said(resultOf(call.probe, other)),
    observed: said(realOf(call)),
    event,
    evidence: { file, line: call.line, about: other === undefined ? 'call' : 'result' },
  };
}
