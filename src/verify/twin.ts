/** The kernels that were built for recording, as session names have them. */
const VARIANTS = ['c', 'cm', 'as', 'bs', 'a', 'b', 'ca', 'asa', 'bsa'];
const RELEASES = ['61', '612'];
const ENDINGS = ['-plain', '-verbose', ''];

/**
 * The names that another session on the same machine may have, best first: the same session with
 * its debug output the other way round, then the same topic on another kernel built for recording,
 * those of the same release first. A distribution's kernel has drivers and a configuration of its
 * own and stands in for none of them. Empty for a name that is not `sNN-VARIANT-TOPIC`.
 */
export function twinNames(name: string): string[] {
  const match = /^(s\d{1,3}x?)-([a-z]+)(61|612)-(.+?)(-plain|-verbose)?$/.exec(name);
  const names = new Set(swapped(name));
  if (match !== null) {
    const [, session = '', variant = '', release = '', topic = ''] = match;
    const kinds = VARIANTS.includes(variant) ? [variant, ...byFirmware(variant)] : [variant];
    for (const other of [release, ...RELEASES.filter((candidate) => candidate !== release)])
      for (const kind of kinds)
        for (const ending of ENDINGS) names.add(`${session}-${kind}${other}-${topic}${ending}`);
  }
  names.delete(name);
  return [...names];
}

function swapped(name: string): string[] {
  if (name.endsWith('-plain')) return [name.replace(/-plain$/, '-verbose')];
  return name.endsWith('-verbose') ? [name.replace(/-verbose$/, '-plain')] : [];
}

/** The variants whose firmware is the same kind, ACPI or not, before the others. */
function byFirmware(variant: string): readonly string[] {
  const isAcpi = (kind: string) => kind.length > 1 && kind.endsWith('a');
  const same = VARIANTS.filter((kind) => isAcpi(kind) === isAcpi(variant));
  return [...same, ...VARIANTS.filter((kind) => !same.includes(kind))];
}

/**
 * The machine that an emulator's command line makes, as one text: all its arguments but the kernel's
 * own. Two recordings in which it is the same ran on the same machine. Null where it does not stand.
 *
 * Read: the command line in a `cmdline.txt`, one argument a line.
 */
export function machineOfCmdline(text: string): string | null {
  const lines = text.split('\n').map((line) => line.replace(/\\$/, '').trim());
  const first = lines.findIndex((line) => line.startsWith('qemu-system-'));
  const last = lines.indexOf('-append');
  if (first < 0 || last < first) return null;
  return lines.slice(first, last).join(' ');
}
