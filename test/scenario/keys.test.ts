import { describe, expect, it } from 'vitest';
import { documentKeys } from '../../src/scenario/keys.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

const PCI = "id: '8086:10d3', class: 0";

/** A scenario in which `put` stands in the map of that kind, besides what must be there. */
function textWith(of: string, put: string): string {
  const at = (kind: string, needed: string) =>
    kind === of ? `{ ${[needed, put].filter((part) => part !== '').join(', ')} }` : `{ ${needed} }`;
  const devices = `[${at('device', 'name: d, bus: pci')}, { name: f, pci: ${at('pci', PCI)} }]`;
  const drivers = `drivers: [${at('driver', 'name: e, bus: pci')}]`;
  const modules = `modules: [${at('module', 'name: m')}]`;
  const machine = at('machine', `devices: ${devices}, ${drivers}, ${modules}`);
  return `${at('scenario', `name: a, kernel: ${at('kernel', "version: '6.1'")}, machine: ${machine}`)}\n`;
}

describe('every key that is listed', () => {
  it.each(documentKeys().map(({ of, key }) => [of, key]))('%s: %s is known there', (of, key) => {
    const read = (text: string) => () => parseScenario(text, 'a.yaml');
    expect(read(textWith(of, ''))).not.toThrow();
    expect(read(textWith(of, `no_such_${key}: x`))).toThrow(`"no_such_${key}" is not known in`);
    // Where it is known, only what it says, or that it is there twice, can be wrong.
    try {
      read(textWith(of, `${key}: { x: y }`))();
    } catch (error) {
      expect(String(error)).not.toContain(`"${key}" is not known`);
    }
  });

  it('has a sentence', () => {
    for (const { doc } of documentKeys()) expect(doc).toMatch(/^\S.*[^.\s]$/);
  });
});
