/** Windows of bridges. Kernel: drivers/pci/setup-bus.c, v6.1. */
import type { Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { busOfFunction } from './pci-hardware.ts';
import type { Scan } from './pci-scan-slot.ts';

/**
 * Gives bridges their windows. One that came without a bus gets them too late, when its driver has
 * switched it on: they are decided on, and never written. One behind a bridge whose windows were
 * decided on before, and are in use by what hangs on the bus that it had, finds no room.
 *
 * Kernel: drivers/pci/setup-bus.c:pci_assign_unassigned_bus_resources, v6.1.
 * Leaves out: sizes and addresses; windows that fit by chance.
 */
export const pci_assign_unassigned_bus_resources = path(
  'pci_assign_unassigned_bus_resources',
  function* (k, { found }: Scan): Path<void> {
    for (const [dev, how] of Object.entries(k.state.pci.impaired))
      if (how === 'no-bus' && k.state.pci.subordinate[dev] !== undefined)
        yield { type: 'pci.bridge_impaired', dev, how: 'window-shut' };
    for (const dev of found) {
      if (k.state.pci.impaired[dev] !== undefined) continue;
      if (k.state.pci.subordinate[dev] === undefined)
        yield { type: 'pci.bridge_impaired', dev, how: 'no-bus' };
      else if (isCrowded(k, dev, found)) yield { type: 'pci.bridge_impaired', dev, how: 'no-room' };
    }
  },
);

/** Does something that hangs on an earlier bus of the bridge above still use its windows? */
function isCrowded(k: Kernel, dev: string, found: ReadonlySet<string>): boolean {
  const above = deviceOf(k, dev).parent;
  if (above === null || found.has(above)) return false;
  return Object.values(k.state.devices).some(
    ({ name, bus, parent }) =>
      bus === 'pci' && parent === above && busOfFunction(name) !== busOfFunction(dev),
  );
}
