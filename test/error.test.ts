import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError, renderError } from '../src/error.ts';

describe('renderError', () => {
  it('shows place, message, caret line and hint', () => {
    const error = new ReprobeError('BAD_SCENARIO', "Unknown bus 'pcie'.", {
      file: 'a.yaml',
      line: 3,
      column: 8,
      sourceLine: '  bus: pcie',
      hint: "did you mean 'pci'?",
    });
    expect(renderError(error).split('\n')).toEqual([
      "a.yaml:3:8: Unknown bus 'pcie'.",
      '    bus: pcie',
      '         ^',
      "hint: did you mean 'pci'?",
    ]);
  });

  it('shows only what is known', () => {
    expect(renderError(new ReprobeError('USAGE', 'No.'))).toBe('No.');
    expect(renderError(new ReprobeError('BAD_LOG', 'No.', { file: 'f' }))).toBe('f: No.');
    expect(renderError(new ReprobeError('BAD_LOG', 'No.', { file: 'f', line: 2 }))).toBe(
      'f:2: No.',
    );
    expect(renderError(new ReprobeError('BAD_LOG', 'No.', { line: 2, column: 5 }))).toBe(
      'line 2:5: No.',
    );
  });

  it('keeps tabs before the caret, so that it stays under its column', () => {
    const error = new ReprobeError('BAD_YAML', 'No.', { line: 1, column: 3, sourceLine: '\tab' });
    expect(renderError(error)).toBe('line 1:3: No.\n  \tab\n  \t ^');
  });

  it('cuts a long line around the column', () => {
    const sourceLine = `${'a'.repeat(5000)}X${'b'.repeat(5000)}`;
    const error = new ReprobeError('BAD_TRACE', 'No.', { line: 1, column: 5001, sourceLine });
    const [, shown = '', caret = ''] = renderError(error).split('\n');
    expect(shown.length).toBeLessThan(120);
    expect(shown[caret.indexOf('^')]).toBe('X');
  });

  it('puts the caret under the text as shown', () => {
    const error = new ReprobeError('BAD_LOG', 'No.', { line: 1, column: 2, sourceLine: '\x1bX' });
    const [, shown = '', caret = ''] = renderError(error, (t) => t.replace('\x1b', '\\x1b')).split(
      '\n',
    );
    expect(shown[caret.indexOf('^')]).toBe('X');
  });

  it('is total', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.nat(),
        fc.nat(),
        fc.string(),
        (file, line, column, sourceLine) => {
          const error = new ReprobeError('BAD_LOG', 'No.', { file, line, column, sourceLine });
          expect(renderError(error)).toContain('No.');
        },
      ),
    );
  });
});

it('carries null for what is unknown', () => {
  const { code, file, line, column, hint } = new ReprobeError('USAGE', 'No.');
  expect({ code, file, line, column, hint }).toEqual({
    code: 'USAGE',
    file: null,
    line: null,
    column: null,
    hint: null,
  });
});
