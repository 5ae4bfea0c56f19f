import { describe, expect, it } from 'vitest';
import { parseMachine } from '../../src/scenario/parse.ts';

const kernelOf = (kernel: string) =>
  parseMachine(`kernel: ${kernel}\nmachine: { firmware: none }`, 'm.yaml').kernel?.version;

describe('the kernel of a scenario', () => {
  it.each([
    ['6.1', '6.1'],
    ['5.4', '5.4'],
    ["{ version: '6.1.20' }", '6.1.20'],
    ["{ version: '7.0-rc1' }", '7.0-rc1'],
  ])('%s may be any release', (kernel, version) => {
    expect(kernelOf(kernel)).toBe(version);
  });

  it.each([
    ['banana', 9],
    ["{ version: '6.1x' }", 20],
    ['{ version: 6 }', 20],
  ])('%s is none', (kernel, column) => {
    expect(() => kernelOf(kernel)).toThrow(
      expect.objectContaining({
        code: 'BAD_MACHINE',
        line: 1,
        column,
        message: expect.stringContaining('is no release of the kernel'),
        hint: 'write one like 6.1 or 6.1.20',
      }),
    );
  });
});
