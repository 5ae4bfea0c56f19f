import { expect, it } from 'vitest';
import { deviceNamed, pathNamed } from '../../src/commands/device-name.ts';

it.each([
  ['02:00.1', '0000:02:00.1'],
  ['0A:1f.7', '0000:0a:1f.7'],
  ['0001:02:00.1', '0001:02:00.1'],
  ['02:00.8', '02:00.8'],
  ['group 2', 'group 2'],
])('%j means the device %j', (given, named) => {
  expect(deviceNamed(given)).toBe(named);
});

it.each([
  ['devices.02:00.1.driver', 'devices.0000:02:00.1.driver'],
  ['devices.02:00.1', 'devices.0000:02:00.1'],
  ['devices.0001:02:00.1.driver', 'devices.0001:02:00.1.driver'],
  ['', ''],
])('%j means the path %j', (given, named) => {
  expect(pathNamed(given)).toBe(named);
});
