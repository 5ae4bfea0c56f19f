import type { DeviceSpec, DriverSpec } from '../events/machine.ts';
import { emptyTable, type Table } from '../events/table.ts';
import { cellsOf, type FdtNode } from '../model/firmware/fdt.ts';
import { busId } from '../model/firmware/of-address.ts';
import { supplierNodes } from '../model/firmware/of-suppliers.ts';
import { indexTree, isCompatible, type Tree } from '../model/firmware/tree.ts';
import type { ReadState } from '../model/state/state.ts';
import { compareReleases } from '../model/versions/profile.ts';
import type { Firmware } from './firmware-devices.ts';

/** Compatible strings of nodes whose children name GPIO lines. */
const GPIO_USERS = ['gpio-leds', 'gpio-keys'];

type Asks = Pick<DriverSpec, 'outcomes' | 'defers_on' | 'defer_reasons'>;

/**
 * What the drivers whose probe asks for things want of the devices on this machine.
 *
 * - `lab_plat`, the recording's own test driver: asks for a clock and the regulator `vdd`, then
 *   returns the node's `lab,probe-ret`.
 * - `gpio-leds` and `gpio-keys`: ask for the lines that their child nodes name. Such lines make no
 *   device link that holds the probe back. `leds-gpio` of 6.12, not that of 6.1, gives a reason.
 */
export function asksOf(firmware: Firmware, version: string): [string, Asks][] {
  if (firmware.tree === null) return [];
  const tree = indexTree(firmware.tree);
  const names = new Set(firmware.devices.map((device) => device.name));
  const byName = (device: DeviceSpec) =>
    tree.nodes.find((node) => node.path !== '/' && busId(tree, node) === device.name);
  const leds = { defers_on: emptyTable<readonly string[]>(), defer_reasons: emptyTable<string>() };
  const keys = { defers_on: emptyTable<readonly string[]>() };
  const lab: Tables = {
    outcomes: emptyTable(),
    defers_on: emptyTable(),
    defer_reasons: emptyTable(),
  };
  for (const device of firmware.devices) {
    const isLab = device.ids.includes('lab,test');
    const asks = device.ids.includes('gpio-leds') ? leds : keys;
    if (!isLab && !device.ids.some((id) => GPIO_USERS.includes(id))) continue;
    const node = byName(device);
    if (node === undefined) continue;
    if (isLab) askOfLab(lab, device, node);
    else asks.defers_on[device.name] = childSuppliers(tree, node, names);
    const [first] = node.children;
    if (asks === leds && first !== undefined && compareReleases(version, '6.12') >= 0)
      leds.defer_reasons[device.name] = `Failed to get GPIO '${first.path}'`;
  }
  return [
    ['platform:lab_plat', lab],
    ['platform:leds-gpio', leds],
    ['platform:gpio-keys', keys],
  ];
}

/**
 * What the probe of `lab_pci`, the recording's own test driver for PCI, returns: the parameter
 * `pci_ret` of its module. null for any other driver.
 */
export function answerOfLab({ modules }: ReadState, drv: string): number | null {
  if (drv !== 'lab_pci') return null;
  const value = modules['lab_probe']?.params['pci_ret'] ?? '0';
  return /^-?\d{1,9}$/.test(value) ? Number(value) : null;
}

interface Tables {
  readonly outcomes: Table<readonly number[]>;
  readonly defers_on: Table<readonly string[]>;
  readonly defer_reasons: Table<string>;
}

function askOfLab(lab: Tables, device: DeviceSpec, node: FdtNode): void {
  const ret = cellsOf(node, 'lab,probe-ret')[0];
  if (ret !== undefined) lab.outcomes[device.name] = [ret | 0];
  const suppliers = device.suppliers ?? [];
  if (suppliers.length === 0) return;
  const asksClock = node.props['clocks'] !== undefined;
  lab.defers_on[device.name] = suppliers;
  lab.defer_reasons[device.name] = `cannot get ${asksClock ? 'clock' : 'vdd regulator'}`;
}

/** The devices that child nodes without a device of their own name as suppliers. */
function childSuppliers(tree: Tree, node: FdtNode, names: ReadonlySet<string>): string[] {
  const suppliers = node.children
    .filter((child) => !isCompatible(child, GPIO_USERS))
    .flatMap((child) => supplierNodes(tree, child, false))
    .map((supplier) => busId(tree, supplier))
    .filter((name) => names.has(name));
  return [...new Set(suppliers)];
}
