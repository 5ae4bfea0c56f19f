import { changedKernel } from '../bisect/rerun.ts';
import { ReprobeError } from '../error.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { Inputs } from '../events/trace.ts';
import { type CampaignHeader, JOURNAL_SCHEMA } from '../fuzz/journal.ts';
import { PARTS, type Plan, type Shard } from '../fuzz/plan.ts';
import { isFirmware, readFirmware } from '../model/firmware/firmware.ts';
import { ASSUMED_PROFILE } from '../model/versions/profile.ts';
import { boardScenario } from '../scenario/board.ts';
import { parseMachine } from '../scenario/parse.ts';
import { type KernelFlags, readChange } from './kernel-flags.ts';
import { decodeText } from './machine-file.ts';
import { knowledgeOf } from './read-firmware.ts';
import { readSource } from './read-source.ts';
import { inputsOf, loadSource } from './source.ts';

type BaseFlags = KernelFlags & { readonly machine?: string | undefined };

/** What the runs vary: a source of any kind, or the boot of a machine; null where neither is given. */
export async function baseOf(source: string | undefined, flags: BaseFlags): Promise<Inputs | null> {
  if (source !== undefined) {
    return inputsOf(await loadSource(source, flags));
  }
  if (flags.machine === undefined) return null;
  const { file, bytes } = await readSource(flags.machine);
  const given = isFirmware(bytes)
    ? boardScenario(readFirmware(bytes, file), file)
    : parseMachine(decodeText(bytes, file), file, knowledgeOf(file));
  const plain = { version: ASSUMED_PROFILE, release: null, config: {}, cmdline: '', patches: {} };
  const kernel = changedKernel(given.kernel ?? plain, await readChange(flags));
  return { kernel, machine: given.machine, stimuli: [{ do: 'boot' }], choices: [] };
}

/** What of a plan the user asked for; what is absent is as the folder has it, or by default. */
export interface Asked {
  readonly seed: number | undefined;
  readonly strategy: string | undefined;
  readonly shard: Shard | undefined;
  readonly base: Inputs | null | undefined;
  readonly kernel: Plan['kernel'] | undefined;
}

/**
 * The campaign in a folder, if it is the one that is asked for.
 *
 * @throws ReprobeError BAD_CAMPAIGN where it is of another model, USAGE where something else was asked.
 */
export function sameCampaign(
  header: CampaignHeader,
  model: string,
  { seed, strategy, shard, base, kernel }: Asked,
  file: string,
): CampaignHeader {
  if (header.schema !== JOURNAL_SCHEMA || header.model !== model) {
    throw new ReprobeError('BAD_CAMPAIGN', 'The campaign was made by another version of reprobe.', {
      file,
      hint: 'its findings stay good; begin a new campaign with another --out',
    });
  }
  if (header.shard.of === PARTS.of) {
    throw new ReprobeError('BAD_CAMPAIGN', 'The folder was merged from a part of the shards.', {
      file,
      hint: 'resume the shards themselves, and merge them again',
    });
  }
  const { plan } = header;
  const other = (flag: string, asked: unknown, has: unknown): void => {
    if (asked === undefined || canonicalJson(asked) === canonicalJson(has)) return;
    throw new ReprobeError('USAGE', `The folder has a campaign of another ${flag}.`, {
      file,
      hint: `leave ${flag} out to go on with that one, or give another --out`,
    });
  };
  other('--seed', seed, plan.seed);
  other('--strategy', strategy, plan.strategy);
  other('--shard', shard, header.shard);
  other('SOURCE, --machine or kernel', base, plan.base);
  other('kernel', kernel, plan.kernel);
  return header;
}
