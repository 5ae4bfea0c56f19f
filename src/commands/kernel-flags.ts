import type { Change } from '../bisect/rerun.ts';
import { ReprobeError } from '../error.ts';
import { emptyTable, type Table } from '../events/table.ts';
import { KNOWN_MODULES } from '../model/firmware/module-table.ts';
import { isOptionName, OPTION_NAMES, OPTIONS } from '../model/versions/option-table.ts';
import {
  beyondProfiles,
  isPatchName,
  NEWEST_PROFILE,
  OLDEST_PROFILE,
  PATCH_NAMES,
  PROFILES,
  parseRelease,
} from '../model/versions/profile.ts';
import { nearest } from '../scenario/nearest.ts';
import { readSource } from './read-source.ts';
import { warn } from './terminal.ts';

/** The flags that say which kernel to run, as typed. */
export interface KernelFlags {
  readonly kernel?: string | undefined;
  readonly config?: readonly string[] | undefined;
  readonly patch?: readonly string[] | undefined;
}

const SWITCHES = ['--patch', '--config', '--kernel'];

/**
 * Joins a flag and a value that begins with a minus sign, which would be read as a flag:
 * `--patch -x` becomes `--patch=-x`. What follows `--` is left alone.
 */
export function joinSignedValues(argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? '';
    if (word === '--') return [...joined, ...argv.slice(i)];
    const value = argv[i + 1];
    const isSigned = value !== undefined && /^-[A-Za-z_]/.test(value);
    if (SWITCHES.includes(word) && isSigned) {
      joined.push(`${word}=${value}`);
      i += 1;
    } else joined.push(word);
  }
  return joined;
}

/**
 * The change that the flags ask for; without flags an empty one.
 *
 * @param builds options that build drivers are taken too, where drivers are still to be made.
 */
export async function readChange(
  { kernel, config, patch }: KernelFlags,
  builds: 'builds' | null = null,
): Promise<Change> {
  const patches = emptyTable<boolean>();
  for (const given of patch ?? []) patches[patchNamed(given)] = !given.startsWith('-');
  return {
    ...(kernel === undefined ? {} : { version: releaseNamed(kernel) }),
    ...(config === undefined ? {} : { config: await readConfig(config, builds !== null) }),
    ...(patch === undefined ? {} : { patches }),
  };
}

/** A patch's name without its sign. */
export function patchNamed(given: string): string {
  const name = given.replace(/^[+-]/, '');
  if (isPatchName(name)) return name;
  throw unknown('patch', name, PATCH_NAMES, 'patches');
}

/**
 * The release of `v6.1`, `6.1.20` or a whole `uname -r`: its series and, where told, patch level. For one
 * that is newer than all that are modelled the newest is taken, and standard error says so.
 *
 * @throws ReprobeError UNKNOWN_NAME for no release, and for one that is older than all.
 */
export function releaseNamed(given: string): string {
  const release = parseRelease(given);
  if (release === null) throw unknown('kernel', given, PROFILES, 'kernels');
  const { series, patchlevel } = release;
  const beyond = beyondProfiles(series);
  if (beyond === 'older')
    throw new ReprobeError('UNKNOWN_NAME', `Kernels before ${OLDEST_PROFILE} are not modelled.`, {
      hint: `${series} is older; \`reprobe list kernels\` prints those that are`,
    });
  if (beyond === 'newer') {
    warn(`kernels after ${NEWEST_PROFILE} are not modelled yet: it is taken for ${series}`);
    return NEWEST_PROFILE;
  }
  return patchlevel === null ? series : `${series}.${patchlevel}`;
}

/** The error for a name that is not in a list of names, with the nearest that is. */
export function unknown(
  kind: string,
  name: string,
  names: readonly string[],
  list: string | null,
): ReprobeError {
  const meant = nearest(name, names);
  const few = names.length === 0 ? null : `there is: ${names.slice(0, 12).join(', ')}`;
  const otherwise = list === null ? few : `\`reprobe list ${list}\` prints the names`;
  return new ReprobeError('UNKNOWN_NAME', `There is no ${kind} '${name}'.`, {
    hint: meant === null ? otherwise : `did you mean ${meant}?`,
  });
}

const OPTION = /^(?:CONFIG_)?([A-Z0-9_a-z]+)=(.*)$/;
const UNSET = /^# CONFIG_([A-Z0-9_a-z]+) is not set$/;

/** `K=V`, with or without CONFIG_; null for what must be a file's name. */
export function optionOf(given: string): readonly [string, string] | null {
  const [, name, value] = OPTION.exec(given) ?? [];
  return name === undefined || value === undefined ? null : [name, unquoted(value)];
}

/**
 * `K=V` of an option that the model reads, with a value that the option can have; null for what must
 * be a file's name. A typing error would else change nothing, and pass for an answer.
 */
export function optionNamed(given: string): readonly [string, string] | null {
  const option = optionOf(given);
  if (option === null) return null;
  const [name, value] = option;
  if (!isOptionName(name)) throw unreadOption(name);
  const { values, meaning } = OPTIONS[name];
  if (values.includes(value)) return option;
  throw new ReprobeError('USAGE', `CONFIG_${name} cannot be '${value}'.`, {
    hint: `it is ${values.join(' or ')}; y: ${meaning}`,
  });
}

function unreadOption(name: string): ReprobeError {
  const meant = nearest(name, OPTION_NAMES);
  const guess = meant === null ? '' : `did you mean ${meant}? `;
  return new ReprobeError('UNKNOWN_NAME', `The model does not read CONFIG_${name}.`, {
    hint: `${guess}it reads ${OPTION_NAMES.join(', ')}`,
  });
}

const BUILDS: readonly (string | null)[] = KNOWN_MODULES.map(({ option }) => option);

function buildNamed(given: string): readonly [string, string] | null {
  const option = optionOf(given);
  const isBuild = option !== null && BUILDS.includes(option[0]) && /^[ymn]$/.test(option[1]);
  return isBuild ? option : null;
}

async function readConfig(given: readonly string[], builds: boolean): Promise<Table<string>> {
  const config = emptyTable<string>();
  for (const one of given) {
    const option = (builds ? buildNamed(one) : null) ?? optionNamed(one);
    if (option !== null) config[option[0]] = option[1];
    else await readConfigFile(one, config);
  }
  return config;
}

/** Reads a kernel's .config, gzipped or not. */
export async function readConfigFile(path: string, config: Table<string>): Promise<void> {
  const { file, bytes } = await readSource(path);
  let options = 0;
  for (const line of new TextDecoder().decode(bytes).split(/\r?\n/)) {
    const unset = UNSET.exec(line)?.[1];
    const option = line.startsWith('CONFIG_') ? optionOf(line) : null;
    if (unset !== undefined) config[unset] = 'n';
    if (option !== null) config[option[0]] = option[1];
    if (unset !== undefined || option !== null) options += 1;
  }
  if (options > 0) return;
  throw new ReprobeError('USAGE', 'The file is not a kernel configuration.', {
    file,
    hint: 'give an option as NAME=VALUE, or the .config of the kernel',
  });
}

function unquoted(value: string): string {
  return /^"(.*)"$/.exec(value)?.[1] ?? value;
}
