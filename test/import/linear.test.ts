// Goal: no line takes more than its length in time. Method: every regular expression of the importer is
// run, step by step, over lines that lead it astray, of one length and of twice that.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/import/catalogue.ts';
import { SECRET_PATTERNS } from '../../src/import/redact-find.ts';
import { adversaries, countSteps, parseExpression } from './regexp-steps.ts';

/** Beyond what any repetition in braces is bounded by. */
const LENGTH = 700;
const GROWTH = 2.5;
const LIMIT = 3_000_000;

/** The text that makes the steps grow fastest, with how much; null where all grow with the length. */
function worst(source: string, flags: string): string | null {
  const expression = parseExpression(source, flags);
  const [few, many] = [adversaries(expression, LENGTH), adversaries(expression, 2 * LENGTH)];
  for (const [i, text] of few.entries()) {
    const less = countSteps(expression, text, LIMIT);
    const more = countSteps(expression, many[i] ?? '', LIMIT);
    if (less >= LIMIT || more > GROWTH * less + 2000)
      return `${JSON.stringify(text.slice(0, 60))}: ${less} to ${more}`;
  }
  return null;
}

/** The literals of a source file, outside its comments. */
function literalsIn(file: string): readonly (readonly [source: string, flags: string])[] {
  const code = readFileSync(file, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
  const literal =
    /(?<=[=(,:[!&|?]\s*|return )\/((?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+)\/([dgimsuvy]*)(?=[\s.,;)\]])/g;
  return [...code.matchAll(literal)].map(([, source = '', flags = '']) => [source, flags] as const);
}

describe('steps', () => {
  it('are those of a backtracking matcher', () => {
    const count = (source: string, text: string) =>
      countSteps(parseExpression(source, ''), text, LIMIT);
    expect(count('^a*$', 'a'.repeat(200)) / count('^a*$', 'a'.repeat(100))).toBeLessThan(2.2);
    expect(worst('^(?:a+)+$', '')).not.toBeNull();
    expect(worst('^\\w*\\w*x$', '')).not.toBeNull();
    expect(worst('a*b', '')).not.toBeNull();
    expect(worst('^[a-f]{1,8}: (\\w+) (\\S{1,20})$', '')).toBeNull();
  });
});

describe('a line is matched in time linear in its length', () => {
  it.each(CATALOGUE.map(({ id, pattern }) => [id, pattern] as const))('by %s', (_, pattern) => {
    expect(worst(pattern.source, pattern.flags)).toBeNull();
  });

  it.each(SECRET_PATTERNS.map((pattern, i) => [i, pattern] as const))(
    'by the rule of secrets %d',
    (_, pattern) => {
      expect(worst(pattern.source, pattern.flags)).toBeNull();
    },
  );

  const files = readdirSync('src/import').filter((file) =>
    /^(?:format|recognise|redact|action|record|boot-lines)/.test(file),
  );
  it.each(files)('by each expression of %s', (file) => {
    for (const [source, flags] of literalsIn(`src/import/${file}`))
      expect(worst(source, flags), source).toBeNull();
  });
});
