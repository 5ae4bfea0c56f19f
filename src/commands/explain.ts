import { stat } from 'node:fs/promises';
import { Args } from '@oclif/core';
import { type Change, changedKernel } from '../bisect/rerun.ts';
import { ReprobeError } from '../error.ts';
import { explain, type IsKnown, type Search } from '../explain/search.ts';
import { troublesOf } from '../explain/troubles.ts';
import { logWitness, sessionWitness, type Witness } from '../explain/witness.ts';
import { explanationJson, explanationLines, likelyTrace } from '../report/explanation.ts';
import { deriveMachine } from '../verify/machine.ts';
import { BaseCommand } from './base.ts';
import { EXIT } from './exit.ts';
import { joinSignedValues, type KernelFlags, readChange } from './kernel-flags.ts';
import { painted } from './print.ts';
import { readSessionFolder, readTwin } from './read-session.ts';
import { loadSource, sourceFlags } from './source.ts';
import { painter, progress } from './terminal.ts';

/** Looks for the assumptions under which a log makes sense. */
export default class Explain extends BaseCommand {
  static override summary =
    'Find what must have been otherwise for a log to make sense, and what decides its troubles.';
  static override description =
    'The log is replayed as its kernel shipped. Where it disagrees, patches and options that the ' +
    'run asks about, other releases, the wiring of SMMUs and what users may have done unlogged ' +
    'are tried, alone and together: the hypotheses that explain most and assume least come ' +
    'first. The folder of a recorded session tells more than its log: what commands and ioctls ' +
    'returned. What flags say is not doubted.';
  static override args = {
    source: Args.string({
      required: true,
      description: 'a log, the folder of a recorded session, or any other source',
    }),
  };
  static override flags = sourceFlags;

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Explain, joinSignedValues(this.argv));
    const { witness, isKnown } = await givenBy(args.source, flags);
    const counter = progress('run');
    const search = explain(witness, isKnown, counter.step);
    counter.done();
    const explanation = { search, troubles: troublesOf(likelyTrace(search)) };
    process.exitCode = exitFor(search);
    this.log(painted(explanationLines(explanation), painter()));
    return explanationJson(explanation);
  }
}

type ExplainFlags = KernelFlags & {
  readonly machine?: string | undefined;
  readonly evidence?: readonly string[] | undefined;
  readonly boot?: string | undefined;
};

/** What a source can tell, and what it or the flags leave no doubt of. */
interface Given {
  readonly witness: Witness;
  readonly isKnown: IsKnown;
}

async function givenBy(path: string, flags: ExplainFlags): Promise<Given> {
  const change = await readChange(flags);
  if (path !== '-' && (await isFolder(path))) {
    if (flags.machine !== undefined)
      throw new ReprobeError('USAGE', '--machine is for logs: a recording has its own machine.');
    if (flags.boot !== undefined)
      throw new ReprobeError('USAGE', '--boot is for logs: a recording is of one.');
    if (flags.evidence !== undefined)
      throw new ReprobeError('USAGE', '--evidence is for logs: a recording has its own.');
    const session = await readSessionFolder(path);
    const { machine, kernel } = deriveMachine(session, await readTwin(path));
    // Which patches a kernel had nothing in it shows: notes of who built it are no evidence.
    const shipped = changedKernel({ ...kernel, patches: {} }, change);
    const recorded = session.machine.config === null ? [] : ['config'];
    const isKnown = knownFrom(change, [...recorded, 'coherent']);
    return { witness: sessionWitness(session, { machine, kernel: shipped }), isKnown };
  }
  const { trace, log, imported } = await loadSource(path, flags);
  const config = log?.options.config ?? change.config ?? {};
  const kinds = flags.machine === undefined ? [] : ['coherent'];
  const isKnown = knownFrom({ ...change, config }, kinds);
  if (log === null || imported === null)
    return { witness: () => ({ trace, disagreements: [] }), isKnown };
  return { witness: logWitness(log.read, log.options, imported), isKnown };
}

async function isFolder(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  return info?.isDirectory() === true;
}

/** What flags say is known, and everything of these kinds. */
function knownFrom({ version, config, patches }: Change, kinds: readonly string[]): IsKnown {
  const subjects = new Set([
    ...(version === undefined ? [] : ['release']),
    ...Object.keys(config ?? {}).map((name) => `config ${name}`),
    ...Object.keys(patches ?? {}).map((name) => `patch ${name}`),
  ]);
  return (subject) => subjects.has(subject) || kinds.includes(subject.split(' ')[0] ?? '');
}

function exitFor({ asItIs, hypotheses }: Search): number {
  const left = hypotheses[0]?.leaves ?? asItIs.disagreements.length;
  return left === 0 ? EXIT.holds : EXIT.inconclusive;
}
