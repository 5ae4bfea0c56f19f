import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeControls, painter, table } from '../../src/commands/terminal.ts';

describe('escapeControls', () => {
  it.each([
    ['plain text\n\tstays, ünïcode 🐧 too', 'plain text\n\tstays, ünïcode 🐧 too'],
    ['\x1b[31mred\x07', '\\x1b[31mred\\x07'],
    ['a\rb\0c\x7f', 'a\\x0db\\x00c\\x7f'],
    ['\u009b31m', '\\x9b31m'],
    ['abc\u202edcba\u2066', 'abc\\u{202e}dcba\\u{2066}'],
    ['\ud800x\udc00', '\\u{d800}x\\u{dc00}'],
  ])('%j', (text, shown) => {
    expect(escapeControls(text)).toBe(shown);
  });

  it('leaves nothing that steers a terminal, and is idempotent', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff)), (units) => {
        const text = String.fromCharCode(...units);
        const shown = escapeControls(text);
        const codes = [...shown].map((c) => c.codePointAt(0) ?? 0);
        const steers = (c: number) =>
          (c < 0x20 && c !== 0x0a && c !== 0x09) ||
          (c >= 0x7f && c <= 0x9f) ||
          (c >= 0x202a && c <= 0x202e) ||
          (c >= 0x2066 && c <= 0x2069) ||
          (c >= 0xd800 && c <= 0xdfff);
        expect(codes.filter(steers)).toEqual([]);
        expect(escapeControls(shown)).toBe(shown);
      }),
    );
  });
});

describe('painter', () => {
  it('colours on a terminal only, and never with NO_COLOR', () => {
    expect(painter({ isTTY: true }, {})('red', 'x')).toBe('\x1b[31mx\x1b[39m');
    expect(painter({}, {})('red', 'x')).toBe('x');
    expect(painter({ isTTY: true }, { NO_COLOR: '1' })('red', 'x')).toBe('x');
    expect(painter({ isTTY: true }, { TERM: 'dumb' })('red', 'x')).toBe('x');
  });
});

describe('table', () => {
  it('aligns under headings', () => {
    const rows = [
      ['7', 'probe.failed', '0000:03:00.1'],
      ['128', 'group', ''],
    ];
    const text = table(rows, [{ heading: 'event', align: 'right' }, 'type', 'subject']);
    expect(text.split('\n')).toEqual([
      'event  type          subject',
      '    7  probe.failed  0000:03:00.1',
      '  128  group',
    ]);
  });

  it('leaves the heading out when there is none', () => {
    expect(table([['a', 'b']], ['', ''])).toBe('a  b');
    expect(table([], ['', ''])).toBe('');
    expect(table([['a\tb', 'c\nd']], ['', ''])).toBe('a b  c\\x0ad');
  });

  it('paints after padding and escapes cells', () => {
    const columns = [{ heading: '', paint: (cell: string) => `<${cell}>` }, ''];
    expect(
      table(
        [
          ['a\n', 'b'],
          ['a', 'b'],
        ],
        columns,
      ),
    ).toBe('<a\\x0a>  b\n<a    >  b');
  });

  it('gives every row its line', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string())), (rows) => {
        expect(table(rows, ['a', 'b']).split('\n')).toHaveLength(rows.length + 1);
      }),
    );
  });
});
