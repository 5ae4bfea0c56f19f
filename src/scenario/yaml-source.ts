/**
 * YAML text as a tree of places. Every scalar stays the text that was written (`schema: failsafe`):
 * what it means is decided by the decoder that knows the field.
 *
 * Hostile text is refused quickly: its size, the depth of nesting and the number of aliases are
 * bounded before anything recurses.
 */
import { Composer, type Document, isAlias, Lexer, LineCounter, type Node, Parser } from 'yaml';
import { ReprobeError, type ReprobeErrorCode } from '../error.ts';

const TEXT_MAX = 4 * 1024 * 1024;
/** A machine of some thousand devices has so many; each may cost an error object. */
const TOKENS_MAX = 300_000;
const DEPTH_MAX = 64;
const ALIASES_MAX = 256;

export interface YamlSource {
  readonly file: string;
  readonly text: string;
  readonly lines: LineCounter;
  readonly doc: Document.Parsed;
  /** The code of errors in what the YAML says. */
  readonly code: ReprobeErrorCode;
  /** Aliases may still be followed so many times. */
  aliasesLeft: number;
}

/** A node in its place, aliases followed. */
export interface Place {
  readonly source: YamlSource;
  readonly node: Node | null;
  /** Offset in the text; of the alias, if there is one. */
  readonly at: number;
  /** What it is, for messages: `kernel.version`, `steps 3`. */
  readonly what: string;
}

/**
 * Parses one YAML document and returns the place of its root.
 *
 * @throws ReprobeError BAD_YAML when the text is not YAML, is empty, has several documents, or is
 * larger or nested deeper than any scenario.
 */
export function readYaml(text: string, file: string, code: ReprobeErrorCode, what: string): Place {
  const lines = new LineCounter();
  const at = (offset: number) => placeAt(file, text, lines, offset);
  if (text.length > TEXT_MAX) {
    throw new ReprobeError('BAD_YAML', `The file is longer than ${TEXT_MAX} characters.`, { file });
  }
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, prettyErrors: false });
  const tokens = tokensOf(text, lines, (message, offset) => {
    throw new ReprobeError('BAD_YAML', message, at(offset));
  });
  const [doc, second] = [...composer.compose(tokens, true, text.length)];
  const problem = doc?.errors[0] ?? doc?.warnings[0];
  if (problem !== undefined) {
    const message = `This is not YAML as scenarios use it: ${problem.message.split('\n')[0]}.`;
    const isTab = problem.code === 'TAB_AS_INDENT';
    throw new ReprobeError('BAD_YAML', message.replace(/\.\.$/, '.'), {
      ...at(problem.pos[0]),
      hint: isTab ? 'indent with spaces' : null,
    });
  }
  if (second !== undefined) {
    const message = 'The file has more than one YAML document.';
    throw new ReprobeError('BAD_YAML', message, at(second.range[0]));
  }
  if (doc === undefined || doc.contents === null) {
    throw new ReprobeError('BAD_YAML', 'The file has no content.', { file, line: 1, column: 1 });
  }
  const source = { file, text, lines, doc, code, aliasesLeft: ALIASES_MAX };
  return placeOf(source, doc.contents, 0, what);
}

function* tokensOf(
  text: string,
  lines: LineCounter,
  refuse: (message: string, offset: number) => never,
) {
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > DEPTH_MAX) {
      refuse(`The YAML is nested more than ${DEPTH_MAX} deep.`, parser.offset);
    }
    if (++count > TOKENS_MAX) {
      refuse(`The YAML has more than ${TOKENS_MAX} tokens.`, parser.offset);
    }
  }
  yield* parser.end();
}

/** The place of `node`; `around` is where it is blamed if it has no text of its own. */
export function placeOf(
  source: YamlSource,
  node: Node | null,
  around: number,
  what: string,
): Place {
  const at = node?.range?.[0] ?? around;
  if (!isAlias(node)) return { source, node, at, what };
  const place = { source, node: null, at, what };
  if (source.aliasesLeft-- <= 0) {
    failAs('BAD_YAML', place, `Aliases are followed more than ${ALIASES_MAX} times.`);
  }
  const target = node.resolve(source.doc) ?? null;
  if (target === null) failAs('BAD_YAML', place, `The alias *${node.source} has no anchor.`);
  return { ...place, node: target };
}

/** Throws the error that is about `place`. */
export function fail(place: Place, message: string, hint: string | null = null): never {
  return failAs(place.source.code, place, message, hint);
}

function failAs(
  code: ReprobeErrorCode,
  { source, at }: Place,
  message: string,
  hint: string | null = null,
): never {
  const place = placeAt(source.file, source.text, source.lines, at);
  throw new ReprobeError(code, message, { ...place, hint });
}

/** The line of a place, from 1. */
export function lineOf({ source, at }: Place): number {
  return source.lines.linePos(at).line;
}

function placeAt(file: string, text: string, lines: LineCounter, offset: number) {
  const { line, col } = lines.linePos(offset);
  const start = lines.lineStarts[line - 1] ?? 0;
  const sourceLine = /^[^\r\n]*/.exec(text.slice(start, start + 1024))?.[0] ?? '';
  return { file, line, column: col, sourceLine };
}
