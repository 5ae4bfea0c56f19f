/** The little of a shell's language that commands on sysfs need. */

/** One simple command. */
export interface ShellCommand {
  /** Program and arguments, quotes removed, without sudo. */
  readonly words: readonly string[];
  /** The file that standard output goes to, by `>` or through tee; null if none. */
  readonly target: string | null;
}

/** An operator, or a word with its quotes removed. */
interface Token {
  readonly operator: boolean;
  readonly text: string;
}

const OPERATORS = '><|&;()';
/** A shell in a shell: `sudo sh -c 'echo 1 > FILE'` nests once in practice. */
const DEPTH_MAX = 3;

/**
 * Parses one simple command with at most one file to write to.
 *
 * @returns null for lists, loops, substitutions and pipes other than into tee.
 */
export function shellParse(command: string, depth = 0): ShellCommand | null {
  const tokens = tokensOf(command);
  if (tokens === null || depth > DEPTH_MAX) return null;
  const parts = splitPipe(withoutErrors(withoutEnd(tokens)));
  const [first = [], second] = parts;
  if (parts.length > 2) return null;
  const simple = simpleCommand(first);
  if (simple === null) return null;
  if (second === undefined) return unwrapped(simple, depth);
  return piped(simple, second);
}

/** Words as a POSIX shell reads them back. */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

function piped(simple: ShellCommand, second: readonly Token[]): ShellCommand | null {
  const tee = simpleCommand(second);
  const [program, ...args] = tee?.words ?? [];
  const files = args.filter((arg) => !arg.startsWith('-'));
  if (program !== 'tee' || files.length !== 1 || simple.target !== null) return null;
  return { words: simple.words, target: files[0] ?? null };
}

/** `sh -c '…'` is what stands in the quotes. */
function unwrapped(simple: ShellCommand, depth: number): ShellCommand | null {
  const [program = '', option, script] = simple.words;
  const isShell = /^(?:\/bin\/)?(?:ba|da)?sh$/.test(program) && option === '-c';
  return isShell && script !== undefined ? shellParse(script, depth + 1) : simple;
}

function simpleCommand(tokens: readonly Token[]): ShellCommand | null {
  const words: string[] = [];
  let target: string | null = null;
  let redirects = false;
  for (const { operator, text } of tokens) {
    if (operator) {
      if (redirects || target !== null || (text !== '>' && text !== '>>')) return null;
      redirects = true;
    } else if (redirects) {
      target = text;
      redirects = false;
    } else words.push(text);
  }
  if (redirects) return null;
  if (words[0] === 'sudo') words.shift();
  return words.length === 0 ? null : { words, target };
}

/** Drops a `&` or `;` at the end. */
function withoutEnd(tokens: readonly Token[]): readonly Token[] {
  const last = tokens.at(-1);
  return last?.operator && (last.text === '&' || last.text === ';') ? tokens.slice(0, -1) : tokens;
}

/** Drops `2> FILE`, `> /dev/null` and `2>&1`. */
function withoutErrors(tokens: readonly Token[]): readonly Token[] {
  const kept: Token[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const [here, next, after] = [tokens[at], tokens[at + 1], tokens[at + 2]];
    if (here === undefined) break;
    const isNumber = !here.operator && here.text === '2';
    if (isNumber && next?.operator && next.text.startsWith('>')) {
      at += next.text === '>&' || after?.operator === false ? 2 : 1;
    } else if (here.operator && here.text.startsWith('>') && next?.text === '/dev/null') {
      at += 1;
    } else kept.push(here);
  }
  return kept;
}

function splitPipe(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.operator && token.text === '|') parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** Linear in the command; null when a quote is not closed or a substitution occurs. */
function tokensOf(command: string): readonly Token[] | null {
  const tokens: Token[] = [];
  let word: string | null = null;
  let quote = '';
  const endWord = () => {
    if (word !== null) tokens.push({ operator: false, text: word });
    word = null;
  };
  for (let at = 0; at < command.length; at++) {
    const char = command[at] ?? '';
    if (quote !== '') {
      if (char === quote) quote = '';
      else word = (word ?? '') + char;
    } else if (char === '`' || (char === '$' && command[at + 1] === '(')) return null;
    else if (char === "'" || char === '"') {
      quote = char;
      word ??= '';
    } else if (char === '\\') word = (word ?? '') + (command[++at] ?? '');
    else if (char.trim() === '') endWord();
    else if (char === '#' && word === null) break;
    else if (OPERATORS.includes(char)) {
      endWord();
      const pair = char + (command[at + 1] ?? '');
      const operator = ['>>', '>&', '&&', '||', '>|'].includes(pair) ? pair : char;
      at += operator.length - 1;
      tokens.push({ operator: true, text: operator });
    } else word = (word ?? '') + char;
  }
  endWord();
  return quote === '' ? tokens : null;
}
