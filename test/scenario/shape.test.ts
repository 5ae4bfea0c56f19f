// Goal: what `reprobe list` prints of steps and expectations is what the reader takes. Method: each
// is written in every way that its shape allows, and then wrongly, and read back.
import { describe, expect, it } from 'vitest';
import { documentExpectations } from '../../src/scenario/expect.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { describeShape, documentShapes } from '../../src/scenario/shape.ts';
import { documentSteps } from '../../src/scenario/steps.ts';

/** What may stand in a field, where not everything may. */
const VALUES: Readonly<Record<string, string>> = {
  dev: "'0000:01:00.0'",
  ...{ on: 'true', is: '1', force: 'true', dma: 'true', nocontainer: 'true', nodevice: 'true' },
  ...{ present: 'off', how: 'reboot' },
  ...{
    on: 'true',
    is: '1',
    force: 'true',
    dma: 'true',
    nocontainer: 'true',
    nodevice: 'true',
    req: 'true',
  },
  ...{ addr: '0xfffff000', write: 'on', cacheable: 'off', start: '0x1000', length: '0x1000' },
  ...{ iova: '0x1000', size: '0x1000', maps: '[{ iova: 0x1000, size: 0x1000 }]' },
  ...{ why: 'translation', snooped: 'off' },
  ...{ group: '1', step: '1', ret: '-EBUSY', after: '1', invariant: 'INV-OWN' },
};
/** What must stand there for one word and not for others. */
const OWN_VALUES: Readonly<Record<string, string>> = {
  'domain.is': 'DMA',
  'deferred.is': 'on',
  'dma.is': 'faulted',
  'vfio_ioctl.call': 'GET_STATUS',
  'meanwhile.step': 'rescan',
  'meanwhile.nth': '2',
};

function valueFor(word: string, key: string): string {
  return OWN_VALUES[`${word}.${key}`] ?? VALUES[key] ?? 'e1000e';
}

function parse(steps: string, expected: string) {
  const machine = 'machine: { drivers: [{ name: e1000e, bus: pci }] }';
  const text = `name: a\nkernel: '6.1'\n${machine}\nsteps: [${steps}]\nexpect: [${expected}]\n`;
  return parseScenario(text, 'a.yaml');
}

/** The ways of writing that `written` tells of, with and without what is in brackets. */
function waysOf(word: string, written: string): readonly string[] {
  return written.split(' or ').flatMap((way) => {
    const keys = / \{ (.*) \}$/.exec(way)?.[1]?.split(', ');
    if (keys === undefined)
      return way
        .replace('[STEP, …]', '[rescan]')
        .replace(/[A-Z]+$/, (field) => valueFor(word, field.toLowerCase()));
    const all = keys.map((key) => key.replace(/[[\]]/g, ''));
    const needed = keys.filter((key) => !key.startsWith('['));
    return [needed, all].map((some) => mapOf(word, some));
  });
}

function mapOf(word: string, keys: readonly string[]): string {
  return `${word}: { ${keys.map((key) => `${key}: ${valueFor(word, key)}`).join(', ')} }`;
}

const flow = (way: string) => (way.includes(':') ? `{ ${way} }` : way);

describe.each([
  ['step', documentSteps(), (way: string) => parse(flow(way), '')],
  ['expectation', documentExpectations(), (way: string) => parse('boot', flow(way))],
] as const)('every %s', (_, documented, read) => {
  it.each(documented.map(({ word, written }) => [word, written]))('%s: %s', (word, written) => {
    for (const way of waysOf(word, written)) expect(() => read(way), way).not.toThrow();
    expect(() => read(`${word}: { nonsense: 1 }`)).toThrow();
    const [needed] = waysOf(word, written).filter((way) => way.endsWith('}'));
    const keys = [...(needed ?? '').matchAll(/(\w+): [^{]/g)].map(([, key = '']) => key);
    for (const key of keys) {
      const rest = mapOf(
        word,
        keys.filter((other) => other !== key),
      );
      expect(() => read(rest), rest).toThrow(`needs ${key}`);
    }
  });

  it('says what it means', () => {
    for (const { doc } of documented) expect(doc).toMatch(/^\S.*[^.\s]$/);
  });
});

it('shapes are written in the ways that they allow', () => {
  expect(describeShape('boot', { doc: '', bare: true })).toBe('boot');
  expect(describeShape('rescan', { doc: '', bare: true, text: 'dev' })).toBe(
    'rescan or rescan: DEV',
  );
  const fields = { module: 'needed', force: 'optional' } as const;
  expect(documentShapes({ rmmod: { doc: 'd', text: 'module', fields } })).toEqual([
    { word: 'rmmod', written: 'rmmod: MODULE or rmmod: { module, [force] }', doc: 'd' },
  ]);
});
