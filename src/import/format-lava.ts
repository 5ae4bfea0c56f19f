/** What a test lab wraps each line of a console in: `- {dt: …, lvl: target, msg: '[    0.0…] text'}`. */

const START = /^- \{ ?"?dt"?: /;
const LEVEL = /"?lvl"?: ?"?'?(\w{1,20})/;
const MESSAGE = /[{,] ?"?msg"?: ?/;
const SINGLE = /^'((?:[^']|'')*)'$/;
const DOUBLE = /^"(?:[^"\\]|\\.)*"$/;
/** Levels under which the lab prints what the target printed. */
const OF_TARGET: readonly string[] = ['target', 'feedback'];

/** The console's line in that of the lab; '' for what the lab says itself; other lines as they are. */
export function unwrapLava(line: string): string {
  if (!line.startsWith('- {') || !START.test(line)) return line;
  const level = LEVEL.exec(line)?.[1];
  if (level === undefined || !OF_TARGET.includes(level)) return '';
  const message = MESSAGE.exec(line);
  const whole = line.trimEnd();
  if (message === null || !whole.endsWith('}')) return '';
  const text = whole.slice(message.index + message[0].length, -1);
  const single = SINGLE.exec(text)?.[1];
  if (single !== undefined) return single.replaceAll("''", "'");
  return DOUBLE.test(text) ? unquoted(text) : text;
}

/** What stands in double quotes in YAML, of which JSON is a part. */
function unquoted(text: string): string {
  try {
    const value: unknown = JSON.parse(text.replace(/\\x([0-9a-fA-F]{2})/g, '\\u00$1'));
    return typeof value === 'string' ? value.replace(/[\r\n]+$/, '') : text;
  } catch {
    return text.slice(1, -1);
  }
}
