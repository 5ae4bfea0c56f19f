// The machines in examples/ are boards as their devicetrees have them: each boots, and what firmware
// puts behind an IOMMU that the model drives ends in a group, or is told why not.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runAll } from '../../src/engine/run.ts';
import { routesOf } from '../../src/report/routes.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseMachine } from '../../src/scenario/parse.ts';

function routes(name: string, version: string) {
  const file = `examples/machines/${name}.yaml`;
  const { machine } = parseMachine(readFileSync(file, 'utf8'), file, driverKnowledge);
  const kernel = { version, release: null, config: {}, cmdline: '', patches: {} };
  const { state } = runAll({ machine, kernel }, [{ do: 'boot' }], { choices: [] });
  const found = routesOf(machine, state);
  const why: Record<string, string | null> = {};
  for (const one of found) if (one.group === null) why[one.device] = one.why;
  const groups = found.filter(({ group }) => group !== null);
  return { why, devices: groups.map(({ device }) => device), state };
}

const DISABLED = "its status is 'disabled'";

it('LS1028A: six network functions and a switch, but not the event collector', () => {
  const { devices, why } = routes('ls1028a-rdb', '6.1');
  expect(devices).toEqual(Array.from({ length: 7 }, (_, i) => `0000:00:00.${i}`));
  expect(why).toEqual({
    '3400000.pcie': DISABLED,
    '3500000.pcie': DISABLED,
    '0000:00:1f.0': 'no row of the iommu-map of 1f0000000.pcie covers its id 0xf8',
  });
  const later = routes('ls1028a-rdb', '6.12');
  expect(later.devices).not.toContain('0000:00:00.1');
  expect(later.why['0000:00:00.1']).toMatch(/no driver is asked about it/);
});

it('SDM845: what the two SMMUs serve, those that glue drivers make below them included', () => {
  const { devices, why, state } = routes('sdm845-db845c', '6.1');
  expect(devices).toHaveLength(20);
  expect(devices).toEqual(expect.arrayContaining(['a600000.usb', '5000000.gpu', '18800000.wifi']));
  expect(why).toEqual({ '1e40000.ipa': DISABLED });
  expect(state.devices['5000000.gpu']?.iommu).toBe('5040000.iommu');
  expect(state.devices['a600000.usb']?.parent).toBe('a6f8800.usb');
});

it('RZ/G2M: the clients of five of nine IPMMUs', () => {
  const { devices, why } = routes('r8a774a1-hihope-rzg2m', '6.1');
  expect(devices).toHaveLength(9);
  expect(why).toEqual({ 'e6800000.ethernet': DISABLED });
});
