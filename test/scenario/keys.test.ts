import { describe, expect, it } from 'vitest';
import { documentKeys } from '../../src/scenario/keys.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

const PCI = "id: '8086:10d3', class: 0";

/** What must be there of an IOMMU's registers. */
const UNITS: Readonly<Record<string, string>> = {
  vtd: "base: 0x1, ver: '1:0', cap: 0x2, ecap: 0x3",
  amd_vi: 'dev: d, cap: 0x40, efr: 0x1',
  viommu: '',
  ipmmu: '',
};

/** A scenario in which `put` stands in the map of that kind, besides what must be there. */
function textWith(of: string, put: string): string {
  const at = (kind: string, needed: string) =>
    kind === of ? `{ ${[needed, put].filter((part) => part !== '').join(', ')} }` : `{ ${needed} }`;
  const units = Object.entries(UNITS).map(([kind, needed]) => `${kind}: ${at(kind, needed)}`);
  const unit = of in UNITS ? [`{ name: u, bus: '', ${units.join(', ')} }, `] : [''];
  const devices = `[${unit[0]}${at('device', 'name: d, bus: pci')}, { name: f, pci: ${at('pci', PCI)} }]`;
  const drivers = `drivers: [${at('driver', 'name: e, bus: pci')}]`;
  const modules = `modules: [${at('module', 'name: m')}]`;
  const machine = at(
    'machine',
    `${of === 'dmar' ? `dmar: ${at('dmar', 'width: 39')}, ` : ''}devices: ${devices}, ${drivers}, ${modules}`,
  );
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

  it.each(documentKeys())('$of: $key takes the words that are listed, and no others', (one) => {
    const { of, key, values } = one;
    // Steps have a list of their own.
    if (key === 'steps') return;
    const messageFor = (value: string): string => {
      try {
        parseScenario(textWith(of, `${key}: ${value}`), 'a.yaml');
        return '';
      } catch (error) {
        return String(error);
      }
    };
    const REFUSED = /must be (?:one of|true or false)/;
    // What must be there stands there already.
    if (/there twice/.test(messageFor('no-such-word'))) return;
    const isList = /must be a list/.test(messageFor('no-such-word'));
    const put = (value: string) => (isList ? `[${value}]` : value);
    expect(REFUSED.test(messageFor(put('no-such-word')))).toBe(values.length > 0);
    for (const value of values) expect(messageFor(put(value))).not.toMatch(REFUSED);
    const said = /must be one of (.*), not/.exec(messageFor(put('no-such-word')))?.[1];
    if (said !== undefined) expect(said).toBe(values.join(', '));
  });

  it('has a sentence', () => {
    for (const { doc } of documentKeys()) expect(doc).toMatch(/^\S.*[^.\s]$/);
  });
});
