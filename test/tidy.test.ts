// Tests the shape of the source tree: which room may import which, how long a file may grow, what
// a kernel path must document, and that nothing outside the commands reads the clock, the dice or
// the process.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const CORE = ['engine', 'model', 'events', 'invariants'];
const BELOW_FUZZ = ['bisect', 'import', 'scenario', ...CORE];
const BELOW_REPORT = ['explain', 'verify', 'fuzz', 'explore', 'minimize', ...BELOW_FUZZ];

/** Room -> the rooms and packages it may import, besides error.ts and assert.ts. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'error.ts': [],
  'assert.ts': [],
  events: [],
  model: ['events'],
  engine: ['model', 'events', 'immer'],
  invariants: ['model', 'events', 'engine'],
  import: CORE,
  scenario: [...CORE, 'yaml'],
  verify: ['import', 'scenario', ...CORE, 'diff'],
  bisect: ['import', 'scenario', ...CORE, '@marcbachmann/cel-js', 'diff'],
  minimize: BELOW_FUZZ,
  explore: ['scenario', ...CORE],
  fuzz: ['minimize', 'explore', ...BELOW_FUZZ, 'fast-check'],
  explain: ['verify', 'bisect', 'import', 'scenario', ...CORE],
  report: BELOW_REPORT,
  commands: ['report', ...BELOW_REPORT, 'index.ts', '@oclif/core', 'piscina', 'node:'],
  'index.ts': ['report', ...BELOW_REPORT],
};

/** What single files may import beyond their room. */
const FILE_MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'events/trace-file.ts': ['node:zlib', 'node:crypto'],
  'fuzz/journal.ts': ['node:crypto'],
};

const LINES_MAX = 300;
const DATA_TABLE = /(?:-table|\/catalogue[^/]*)\.ts$/;
const INDEX_FILES = ['index.ts', 'commands/index.ts'];

const IMPORT =
  /\bfrom\s*['"]([^'"\n]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]|\brequire\s*\(\s*['"]([^'"]+)['"]/g;
const IMPURE =
  /(?<!\.)\b(?:Date\.now|new Date\b|Date\(|Math\.random|performance\.now|setTimeout|setInterval|process\s*[.[]|console\s*[.[])/;
const RE_EXPORT = /\bexport\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s*from\b/;
const ANY = /:\s*any\b|\bas\s+any\b|<any\b/;
const OLD_SYNTAX = /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?(?:enum|namespace)\s+\w/m;
const EXPORTED_VALUE = /^export\s+(?:async\s+)?(?:function|const)\b/m;
const STRING_OR_COMMENT =
  /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

describe('the rules catch', () => {
  it.each([
    ['a room above', 'model/a.ts', "import { x } from '../engine/x.ts';"],
    ['an import over two lines', 'events/a.ts', "import {\n  x,\n} from '../model/x.ts';"],
    ['a dynamic import', 'model/a.ts', "await import('../commands/x.ts');"],
    ['a bare import', 'model/a.ts', "import 'node:fs';"],
    ['a package', 'model/a.ts', "import { produce } from 'immer';"],
    ['a node module in another file', 'events/b.ts', "import { gzipSync } from 'node:zlib';"],
    ['an unknown room', 'utils/a.ts', 'export const a = 1;'],
    ['the clock', 'model/a.ts', 'const t = Date.now();'],
    ['the dice', 'fuzz/a.ts', 'const x = Math.random();'],
    ['the process', 'report/a.ts', 'process.exit(1);'],
    ['a re-export', 'model/a.ts', "export { x } from './x.ts';"],
    ['a barrel', 'model/index.ts', 'export const a = 1;'],
    ['any', 'model/a.ts', 'const a: any = 1;'],
    ['as any', 'model/a.ts', 'const a = b as any;'],
    ['an enum', 'model/a.ts', 'export enum A { B }'],
    ['a namespace', 'model/a.ts', 'namespace A {}'],
    ['a long file', 'model/a.ts', '\n'.repeat(LINES_MAX + 1)],
    ['a path without its source', 'model/kernel/dd.ts', 'export function f() {}'],
    ['a path without its gaps', 'model/kernel/dd.ts', '// Kernel: x\nexport const f = 1;'],
  ])('%s', (_, file, text) => {
    expect(offences(file, text)).not.toEqual([]);
  });

  it.each([
    ['a room below', 'engine/a.ts', "import { x } from '../model/x.ts';\nimport 'immer';"],
    ['error.ts and assert.ts', 'events/a.ts', "import { assert } from '../assert.ts';"],
    ['a deeper folder of the room', 'model/kernel/a.ts', "import { x } from '../state/x.ts';"],
    ['the trace file', 'events/trace-file.ts', "import { gzipSync } from 'node:zlib';"],
    ['a word in quotes', 'model/a.ts', "f('from');\ng(')');"],
    ['words in a comment', 'model/a.ts', '// what the process. does\n/* from "x" */'],
    ['words in a string', 'model/a.ts', "const a = 'process.exit';"],
    ['a long data table', 'import/catalogue-pci.ts', '\n'.repeat(LINES_MAX + 1)],
    [
      'a documented path',
      'model/kernel/dd.ts',
      '/** Kernel: a. Leaves out: b. */\nexport const f = 1;',
    ],
  ])('but not %s', (_, file, text) => {
    expect(offences(file, text)).toEqual([]);
  });
});

describe('src', () => {
  const files = existsSync('src') ? readdirSync('src', { recursive: true, encoding: 'utf8' }) : [];
  it.each(files.filter((file) => file.endsWith('.ts')))('%s is tidy', (file) => {
    expect(offences(file, readFileSync(posix.join('src', file), 'utf8'))).toEqual([]);
  });
});

/** Everything wrong with one file, in sentences. */
function offences(file: string, text: string): readonly string[] {
  const room = file.split('/')[0] ?? file;
  const code = text.replace(STRING_OR_COMMENT, (match) => (match.startsWith('/') ? ' ' : match));
  const bare = code.replace(STRING_OR_COMMENT, (match) => (match.startsWith('`') ? match : "''"));
  const found: string[] = [];
  const when = (wrong: boolean, sentence: string) => wrong && found.push(`${file} ${sentence}`);

  when(!Object.hasOwn(MAY_IMPORT, room), `stands in an unknown room, ${room}`);
  when(tooLong(file, text), `is longer than ${LINES_MAX} lines`);
  when(
    room !== 'commands' && IMPURE.test(bare),
    'must not use the clock, dice, process or console',
  );
  when(file !== 'index.ts' && RE_EXPORT.test(code), 'must not re-export');
  when(/(?:^|\/)index\.ts$/.test(file) && !INDEX_FILES.includes(file), 'is a barrel');
  when(ANY.test(bare), 'must not use any');
  when(OLD_SYNTAX.test(bare), 'must not declare an enum or a namespace');
  when(undocumentedPath(file, text, 'Kernel:'), "must name its source after 'Kernel:'");
  when(undocumentedPath(file, text, 'Leaves out:'), "must name its gaps after 'Leaves out:'");
  for (const spec of importsOf(code)) when(!mayImport(file, room, spec), `must not import ${spec}`);
  return found;
}

function tooLong(file: string, text: string): boolean {
  return !DATA_TABLE.test(file) && text.split('\n').length > LINES_MAX + 1;
}

function undocumentedPath(file: string, text: string, label: string): boolean {
  return file.startsWith('model/kernel/') && EXPORTED_VALUE.test(text) && !text.includes(label);
}

function importsOf(code: string): readonly string[] {
  return [...code.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function mayImport(file: string, room: string, spec: string): boolean {
  const path = posix.join(posix.dirname(file), spec);
  const target = spec.startsWith('.') ? (path.split('/')[0] ?? '') : spec;
  const allowed = [
    ...(Object.hasOwn(MAY_IMPORT, room) ? (MAY_IMPORT[room] ?? []) : []),
    ...(Object.hasOwn(FILE_MAY_IMPORT, file) ? (FILE_MAY_IMPORT[file] ?? []) : []),
    'error.ts',
    'assert.ts',
  ];
  return (
    target === room ||
    allowed.some((a) => target === a || (a.endsWith(':') && target.startsWith(a)))
  );
}
