/** Recorded kprobes against the calls of the emulated run. */
import { POINTER_RESULTS, subjectOfCall } from '../import/call-key.ts';
import type { KprobeCall } from '../import/kprobe-file.ts';
import type { ModelCall } from '../import/model-calls.ts';
import { EPROBE_DEFER } from '../model/errno.ts';
import type { Tally } from './tally.ts';

/** What is compared of a call. */
interface Call {
  readonly drv: string | null;
  readonly ret: number | null;
  readonly owner_cnt: number | null;
  readonly owned: boolean | null;
}

/** Compares all calls of the functions that both sides watch, action by action. */
export function compareCalls(
  tally: Tally,
  recorded: readonly KprobeCall[],
  emulated: readonly ModelCall[],
  cmdline: string,
  isModelled: (dev: string) => boolean,
): void {
  const watched = new Set(recorded.map((call) => call.probe));
  const first = Math.min(...recorded.map((call) => call.action));
  const atBoot = bootProbes(cmdline);
  const inOrder = recorded.flatMap((call) => keyed(call, isModelled));
  const real = byKey(inOrder);
  const seen = emulated
    .filter(({ probe, action }) => watched.has(probe) && action >= first)
    .filter(({ probe, booting }) => !booting || atBoot?.has(probe) === true)
    .map((call): [string, Call] => [`${call.action} ${call.probe} ${call.subject}`, call]);
  const model = byKey(sinceRecording(seen, inOrder));
  for (const key of new Set([...real.keys(), ...model.keys()]))
    compareSequence(tally, key, real.get(key) ?? [], model.get(key) ?? []);
}

/** Probes that the command line installs; null where it installs none. */
function bootProbes(cmdline: string): ReadonlySet<string> | null {
  const names = [...cmdline.matchAll(/\bp:\w+\/(\w+),/g)].map(([, name = '']) => name);
  return names.length === 0 ? null : new Set(names);
}

/**
 * Boot-time probes are installed part of the way into the boot, and a full buffer forgets what it
 * had first: what the model called before the first call that was recorded is not compared. Of
 * several such calls it is the one from which both sides go on alike for longest.
 */
function sinceRecording(
  emulated: readonly [string, Call][],
  recorded: readonly [string, Call][],
): readonly [string, Call][] {
  let best = { at: 0, run: 0 };
  for (const at of emulated.keys()) {
    let run = 0;
    while (emulated[at + run] !== undefined && emulated[at + run]?.[0] === recorded[run]?.[0])
      run += 1;
    if (run > best.run) best = { at, run };
  }
  return emulated.slice(best.at);
}

function byKey(entries: readonly (readonly [string, Call])[]): Map<string, Call[]> {
  const map = new Map<string, Call[]>();
  for (const [key, call] of entries) {
    const list = map.get(key);
    if (list === undefined) map.set(key, [call]);
    else list.push(call);
  }
  return map;
}

/** A recorded call under its key; nothing for one about what the model leaves out. */
function keyed(call: KprobeCall, isModelled: (dev: string) => boolean): [string, Call][] {
  const subject = subjectOfCall(call);
  if (subject === null || (call.args['dev'] !== undefined && !isModelled(call.args['dev'])))
    return [];
  const owner = call.args['owner'];
  const owner_cnt = call.args['owner_cnt'];
  return [
    [
      `${call.action} ${call.probe} ${subject}`,
      {
        drv: call.args['drv'] ?? null,
        ret: call.ret,
        owner_cnt: owner_cnt === undefined ? null : Number(owner_cnt),
        owned: owner === undefined ? null : !/^0x0*$/.test(owner),
      },
    ],
  ];
}

function compareSequence(
  tally: Tally,
  key: string,
  real: readonly Call[],
  model: readonly Call[],
): void {
  const [action = '', probe = '', ...rest] = key.split(' ');
  const at = action === '0' ? 'boot' : `action ${action}`;
  const subject = `${probe} ${rest.join(' ')}`.trim();
  for (let i = 0; i < Math.max(real.length, model.length); i += 1) {
    const mine = model[i];
    const theirs = real[i];
    if (theirs === undefined || mine === undefined) {
      const said = (call: Call | undefined) => (call === undefined ? 'not called' : 'called');
      tally.compare('kprobe', at, subject, said(theirs), said(mine));
      continue;
    }
    const seen = (ret: number | null) =>
      POINTER_RESULTS.has(probe) ? ret === -EPROBE_DEFER : theirs.ret === null ? null : ret;
    tally.compare(
      'kprobe',
      at,
      subject,
      { drv: theirs.drv, ret: seen(theirs.ret) },
      { drv: mine.drv, ret: seen(mine.ret) },
    );
    if (theirs.owner_cnt === null) continue;
    tally.compare(
      'owner',
      at,
      subject,
      { owner_cnt: theirs.owner_cnt, owned: theirs.owned },
      { owner_cnt: mine.owner_cnt, owned: mine.owned },
    );
  }
}
