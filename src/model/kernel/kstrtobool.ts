/** Words for yes and no. Kernel: lib/kstrtox.c, v6.1. */

/**
 * What a word means where the kernel asks yes or no: its first letter counts, of `on` and `off` two.
 *
 * Kernel: lib/kstrtox.c:kstrtobool, v6.1.
 * Leaves out: that older kernels did not know `true` and `false`, that newer know `enable` and
 * `disable`.
 *
 * @returns null for -EINVAL: no such word, or none at all.
 */
export function kstrtobool(text: string | null): boolean | null {
  if (text === null) return null;
  if (/^(?:[yt1]|on)/i.test(text)) return true;
  return /^(?:[nf0]|of)/i.test(text) ? false : null;
}
