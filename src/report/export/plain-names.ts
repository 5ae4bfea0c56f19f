/** Names that may stand in commands that a user types as root. They come from logs, which anybody can write. */
import type { Single } from '../../events/stimulus.ts';

/** Fields that become a part of a file's name, or a word of a command. */
const NAMES: readonly string[] = [
  ...['dev', 'drv', 'bus', 'module', 'param', 'group', 'hold', 'slot', 'call'],
];
/** A name of a file in its folder that no program takes for an option. */
const PLAIN = /^(?!\.{1,2}$)[^-/\p{Cc}\p{Cs}][^/\p{Cc}\p{Cs}]*$/u;
/** What modprobe takes for a parameter, and not for an option or a module. */
const PARAMETER = /^[A-Za-z_][\w.-]*(?:=|$)/;

/**
 * Would the step's command touch no other files than sysfs keeps for it? `../../etc` as the name of a
 * device would lead out of its folder, and a module called `-C/tmp/x` is an option of modprobe.
 */
export function hasPlainNames(step: Single): boolean {
  const fields = Object.entries(step).filter(([key]) => NAMES.includes(key));
  // Recordings keep the files by which a user is told to let go in /tmp.
  const names = fields.flatMap(([key, value]) =>
    typeof value === 'string' ? [key === 'hold' ? value.replace(/^\/tmp\//, '') : value] : [],
  );
  const params = 'params' in step ? step.params.split(/\s+/).filter((word) => word !== '') : [];
  return (
    names.every((name) => name === '' || PLAIN.test(name)) &&
    params.every((word) => PARAMETER.test(word))
  );
}
