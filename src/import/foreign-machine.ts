/** Whether a machine that was given for a log is the one that the log is of. */
import type { DeviceSpec } from '../events/machine.ts';
import { gatherEvidence } from './gather-evidence.ts';
import type { Imported, ImportOptions } from './import.ts';

/** What speaks against the machine, in a sentence; null where nothing does. */
export interface Foreign {
  readonly what: string;
  /** It is another machine: another model, or one without most of what the log shows. */
  readonly isOther: boolean;
}

const NAMES_SHOWN = 3;

/**
 * Compares the model, where firmware was given, and else the devices that no kernel makes up: PCI
 * functions, IOMMUs, and what joins a group.
 *
 * Cost: once through the observations.
 */
export function foreignMachine(
  { observations, trace }: Pick<Imported, 'observations' | 'trace'>,
  { machine, firmware = null }: Pick<ImportOptions, 'machine' | 'firmware'>,
): Foreign | null {
  if (machine === null) {
    const named = observations.find(({ kind }) => kind === 'kernel.machine');
    const [seen = '', given = ''] = [named?.fields['model'], firmware?.model ?? ''];
    if (seen === '' || given === '' || seen === given) return null;
    return { what: `the log is of '${seen}', and the machine is '${given}'`, isOther: true };
  }
  const { functions, iommus, joins } = gatherEvidence(observations);
  const shown = new Set([...functions, ...iommus, ...joins].map(({ dev }) => dev));
  const known = namesIn(trace.header.machine.devices);
  const lacking = [...shown].filter((dev) => !known.has(dev));
  if (lacking.length === 0) return null;
  const names = lacking.slice(0, NAMES_SHOWN).join(', ');
  const more = lacking.length > NAMES_SHOWN ? ' and others' : '';
  return {
    what: `the machine lacks ${lacking.length} of ${shown.size} devices that the log shows: ${names}${more}`,
    isOther: lacking.length * 2 > shown.size,
  };
}

function namesIn(devices: readonly DeviceSpec[]): ReadonlySet<string> {
  return new Set(devices.flatMap(({ name, creates = [] }) => [name, ...namesIn(creates)]));
}
