import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  driverIds,
  KNOWN_DRIVERS,
  moduleOfDriver,
} from '../../../src/model/firmware/driver-table.ts';
import { LINK_ORDER } from '../../../src/model/firmware/link-order.ts';
import { matchesAny, matchesId } from '../../../src/model/firmware/modalias.ts';
import { KNOWN_MODULES, modulesOf } from '../../../src/model/firmware/module-table.ts';
import { driverKnowledge } from '../../../src/scenario/known-drivers.ts';

const E1000E = 'pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00';

it.each([
  ['pci', 'e1000e', E1000E, true],
  ['pci', 'e1000', E1000E, false],
  ['pci', 'vfio-pci', E1000E, false],
  ['pci', 'nvme', 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02', true],
  ['pci', 'pcieport', 'pci:v00001B36d0000000Csv00001B36sd00000000bc06sc04i00', true],
  ['virtio', 'virtio_blk', 'virtio:d00000002v554D4551', true],
  ['platform', 'reg-dummy', 'platform:reg-dummy', true],
  ['platform', 'virtio-mmio', 'acpi:LNRO0005:', true],
  ['pci_express', 'aer', 'pci_express:002:1', true],
])('%s driver %s and %s: %s', (bus, name, id, match) => {
  expect(matchesAny(driverIds(bus, name), [id])).toBe(match);
});

it.each([
  ['pci', 'i801_smbus', 'i2c_i801'],
  ['amba', 'uart-pl011', 'amba_pl011'],
  ['platform', 'i801_smbus', 'i801_smbus'],
  ['platform', 'not-known', 'not_known'],
])('%s driver %s is of module %s', (bus, name, module) => {
  expect(moduleOfDriver(bus, name)).toBe(module);
});

it('matches as a regular expression would', () => {
  const letters = fc.stringMatching(/^[ab]{0,12}$/);
  const glob = fc.stringMatching(/^[ab*?]{0,8}$/);
  fc.assert(
    fc.property(glob, letters, (pattern, text) => {
      const source = pattern.replaceAll('*', '.*').replaceAll('?', '.');
      expect(matchesId(pattern, text)).toBe(new RegExp(`^${source}$`).test(text));
    }),
  );
});

it('does not blow up on many stars', () => {
  expect(matchesId(`${'*a'.repeat(200)}b`, 'a'.repeat(20_000))).toBe(false);
});

it('lists each driver, module and place in the order once', () => {
  const drivers = KNOWN_DRIVERS.map(({ bus, name }) => `${bus}:${name}`);
  expect(new Set(drivers).size).toBe(drivers.length);
  expect(new Set(LINK_ORDER).size).toBe(LINK_ORDER.length);
  const modules = KNOWN_MODULES.map(({ name }) => name);
  expect(new Set(modules).size).toBe(modules.length);
});

it('registers port drivers before IOMMUs, and these before the endpoints', () => {
  const place = (key: string) => LINK_ORDER.indexOf(key);
  const order = ['pci:pcieport', 'platform:pci-host-generic', 'platform:arm-smmu-v3', 'pci:nvme'];
  const places = order.map(place);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places).not.toContain(-1);
});

it('leaves out dependencies that are built in', () => {
  const modules = modulesOf('6.12', ({ name }) => name.startsWith('vfio'));
  expect(modules.find(({ name }) => name === 'vfio_pci_core')?.depends).toEqual(['vfio']);
  expect(modules.map(({ name }) => name)).not.toContain('vfio_virqfd');
});

it('keeps by-hand binding from built-in SMMU and PL011 drivers, in a scenario too', () => {
  const names = KNOWN_DRIVERS.filter((driver) => driver.suppress_bind_attrs).map(
    ({ name }) => name,
  );
  expect(names.toSorted()).toEqual(['arm-smmu', 'arm-smmu-v3', 'sbsa-uart', 'uart-pl011']);
  const suppressed = (name: string) => driverKnowledge.known?.(name)?.suppress_bind_attrs;
  expect(['uart-pl011', 'ahci'].map(suppressed)).toEqual([true, false]);
});
