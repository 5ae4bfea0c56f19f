/** Joins lines that a mail program has wrapped. */

/** Mail programs break lines at or before this column. */
const COLUMN = 72;
/** A log with more than this share of lines beyond the column was not wrapped. */
const BEYOND_SHARE = 0.02;
const BEYOND = 80;
/** What begins a message or follows a prompt: `pci 0000:00:01.0: `, `iommu: `, `root@host:~# `. */
const BEGINS = /^[\w.-]{2,40}(?: [\w.:@-]{2,60})?: |^[\w.-]{1,32}@[^\s#$]{1,120}[#$]/;

/** Whether a line, as it stands in the file, is longer than wrapping leaves it. */
export function isTooLong(line: string): boolean {
  return line.length > BEYOND;
}

/** Whether lines of which `tooLong` are too long come from a log that was wrapped. */
export function isWrapped(tooLong: number, lines: number): boolean {
  return tooLong <= lines * BEYOND_SHARE;
}

/**
 * Whether `line` continues `before`: its first word did not fit, or the line before ends with the
 * blank that format=flowed leaves.
 */
export function continues(before: string, line: string): boolean {
  if (line === '' || line.startsWith(' ') || BEGINS.test(line)) return false;
  if (before.length < COLUMN / 2) return false;
  const space = line.indexOf(' ');
  const word = space < 0 ? line.length : space;
  return before.endsWith(' ') ? before.length > COLUMN / 2 : before.length + 1 + word > COLUMN;
}
