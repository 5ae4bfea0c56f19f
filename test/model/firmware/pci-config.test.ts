import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../../src/error.ts';
import { portServices, virtioChildren } from '../../../src/model/firmware/pci-children.ts';
import {
  type ConfigSpace,
  parsePciConfig,
  scanPci,
} from '../../../src/model/firmware/pci-config.ts';

/** A configuration space with these 32-bit words at these offsets and zeros elsewhere. */
function space(name: string, words: Readonly<Record<number, number>>): string {
  const lines = Array.from({ length: 1024 }, (_, i) =>
    (words[i * 4] ?? 0).toString(16).padStart(8, '0'),
  );
  return `# ${name}\n${lines.join('\n')}\n`;
}

/** PCI Express capability at 0x40 of that port type, with a slot; AER and ACS behind it. */
function port(name: string, type: number, below: number, acsControl: number): string {
  return space(name, {
    0: 0x000c1b36,
    4: 0x00100000,
    8: 0x06040000,
    12: 0x00010000,
    24: below << 8,
    52: 0x40,
    64: 0x00000010 | (0x0102 << 16) | (type << 20),
    76: 0x00200000,
    84: 0x00000040,
    256: 0x14810001,
    328: 0x0001000d,
    332: 0x0000001d | (acsControl << 16),
  });
}

const E1000E = { 0: 0x10d38086, 8: 0x02000000, 44: 0x00008086 };
const VIRTIO = { 0: 0x10411af4, 8: 0x02000000, 44: 0x11001af4 };
const TEXT = [
  port('0000:00:02.0', 4, 2, 0x1d),
  space('0000:00:00.0', { 0: 0x00081b36, 8: 0x06000000 }),
  port('0000:00:01.0', 4, 1, 0),
  space('0000:02:00.0', VIRTIO),
  space('0000:01:00.1', E1000E),
  space('0000:01:00.0', { ...E1000E, 12: 0x00800000 }),
].join('');

describe('a scan', () => {
  const found = scanPci(parsePciConfig(TEXT), 'bridge');
  it('finds a bus before what lies behind its bridges', () => {
    expect(found.map(({ spec }) => [spec.name, spec.parent])).toEqual([
      ['0000:00:00.0', 'bridge'],
      ['0000:00:01.0', 'bridge'],
      ['0000:00:02.0', 'bridge'],
      ['0000:01:00.0', '0000:00:01.0'],
      ['0000:01:00.1', '0000:00:01.0'],
      ['0000:02:00.0', '0000:00:02.0'],
    ]);
  });

  it('reads which resources a function was given, two registers for a long address', () => {
    const barsOf = (words: Readonly<Record<number, number>>) =>
      scanPci(parsePciConfig(space('0000:00:00.0', words)), 'bridge')[0]?.spec.pci?.bars;
    const long = { 16: 0x1000_0000, 24: 0x0000_6001, 28: 0x0080_000c, 32: 0x80, 36: 0x1000_0001 };
    expect(barsOf({ ...E1000E, ...long })).toEqual([0, 2, 3, 5]);
    expect(barsOf({ ...E1000E, 12: 0x00010000, 16: 0x10a0_0000, 24: 0x0001_0100 })).toEqual([0]);
    expect(barsOf(E1000E)).toBeUndefined();
  });

  it('reads ids, types and isolation', () => {
    expect(found[1]?.spec.pci).toEqual({
      vendor: 0x1b36,
      device: 0x000c,
      class: 0x060400,
      header: 1,
      multifunction: false,
      pcie: 'root-port',
      acs_capable: true,
      acs_enabled: false,
      slot: 0,
    });
    expect(found[2]?.spec.pci?.acs_enabled).toBe(true);
    expect(found.map(({ spec }) => spec.pci?.multifunction)).toEqual([
      false,
      false,
      false,
      true,
      true,
      false,
    ]);
    expect(found[3]?.spec.ids).toEqual(['pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00']);
  });

  it('knows what drivers will make of a function', () => {
    const native = { hotplug: true, aer: true, pme: true, aerEverywhere: true };
    const services = (name: string) =>
      portServices(configOf(found, name), native).map((spec) => spec.name.slice(name.length));
    expect(services('0000:00:01.0')).toEqual([':pcie001', ':pcie002', ':pcie004', ':pcie010']);
    expect(services('0000:01:00.0')).toEqual([]);
    expect(virtioChildren(configOf(found, '0000:02:00.0'))).toEqual([
      {
        name: 'virtio%d',
        bus: 'virtio',
        parent: '0000:02:00.0',
        ids: ['virtio:d00000001v00001AF4'],
      },
    ]);
  });
});

function configOf(found: ReturnType<typeof scanPci>, name: string): ConfigSpace {
  const hit = found.find(({ spec }) => spec.name === name);
  if (hit === undefined) throw new Error(`no function ${name}`);
  return hit.config;
}

it('numbers the services of a downstream port by its type', () => {
  const [config] = parsePciConfig(port('0000:02:00.0', 6, 3, 0));
  if (config === undefined) throw new Error('nothing parsed');
  const native = { hotplug: true, aer: true, pme: true, aerEverywhere: true };
  const names = (aerEverywhere: boolean) =>
    portServices(config, { ...native, aerEverywhere }).map(({ name }) => name.slice(13));
  expect(names(true)).toEqual(['pcie202', 'pcie204', 'pcie210']);
  expect(names(false)).toEqual(['pcie204', 'pcie210']);
});

it('refuses what is neither address nor word', () => {
  expect(() => parsePciConfig('# 0000:00:00.0\nxyz\n', 'p.txt')).toThrow(
    expect.objectContaining({ code: 'BAD_MACHINE', file: 'p.txt', line: 2 }),
  );
});

it('reads any words and ends', () => {
  const word = fc.nat(0xffffffff).map((value) => value.toString(16).padStart(8, '0'));
  const name = fc.constantFrom(
    '# 0000:00:00.0',
    '# 0000:00:01.0',
    '# 0000:01:00.0',
    '# 0000:02:00.0',
  );
  const line = fc.oneof({ weight: 20, arbitrary: word }, name, fc.string({ maxLength: 3 }));
  const native = { hotplug: true, aer: true, pme: true, aerEverywhere: true };
  fc.assert(
    fc.property(name, fc.array(line, { maxLength: 200 }), (first, lines) => {
      try {
        for (const { config } of scanPci(parsePciConfig([first, ...lines].join('\n')), 'b')) {
          portServices(config, native);
          virtioChildren(config);
        }
      } catch (error) {
        if (!(error instanceof ReprobeError)) throw error;
      }
    }),
  );
});
