import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/bisect/search.ts';
import { parseLog, printLogHead, printLogLine } from '../../src/bisect/session-log.ts';
import { ReprobeError } from '../../src/error.ts';

const OF = '3f2a9c1d7e5b4a60';
const parse = (text: string) => parseLog(text, 'a.log', OF);

describe('the log of a bisection', () => {
  it('is read as a person may have edited it', () => {
    const text = `${printLogHead(OF)}good start\n\n# I looked at this one\nbad #12   # by hand\ngood #12\n`;
    expect([...parse(text)]).toEqual([
      ['start', 'good'],
      ['#12', 'good'],
    ]);
  });

  it('has every verdict that was written', () => {
    const aVerdict = fc.constantFrom<Verdict>('good', 'bad', 'skip');
    const aLine = fc.tuple(aVerdict, fc.stringMatching(/^[#a-z0-9]{1,16}$/), fc.string());
    const property = fc.property(fc.array(aLine), (lines) => {
      const text = lines.map(([verdict, key, what]) => printLogLine(verdict, `k${key}`, what));
      const read = parse(printLogHead(OF) + text.join(''));
      expect(read).toEqual(new Map(lines.map(([verdict, key]) => [`k${key}`, verdict])));
    });
    fc.assert(property);
  });

  it('is not misread where its writer died', () => {
    const whole = `${printLogHead(OF)}${printLogLine('good', '#168', '')}`;
    for (let end = printLogHead(OF).length; end < whole.length; end += 1)
      expect(parse(whole.slice(0, end)).size).toBe(0);
  });

  it.each([
    ['', 1, 'no log'],
    ['good start\n', 1, 'no log'],
    [printLogHead('0000000000000000'), 1, 'another bisection'],
    [`${printLogHead(OF)}good start\nfine #3\n`, 3, 'no verdict'],
    [`${printLogHead(OF)}good\n`, 2, 'no verdict'],
  ])('is refused when it is %j', (text, line, message) => {
    try {
      parse(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ReprobeError);
      expect(error).toMatchObject({ code: 'BAD_LOG', file: 'a.log', line });
      expect(String(error)).toContain(message);
    }
  });
});
