/** The order of devices for a shutdown. Kernel: drivers/base/core.c, v6.1. */
import type { Kernel } from '../context.ts';
import type { Path } from '../path.ts';
import { pr_debug } from '../printk.ts';
import { dependentsOf } from './device-link-facts.ts';

const FILE = 'drivers/base/core.c';

/**
 * Moves a device to the end of the list of all devices, with all that hangs below it and all that
 * needs it: at a shutdown they go first.
 *
 * Kernel: drivers/base/core.c:device_reorder_to_tail and device_pm_move_to_tail, v6.1.
 * Leaves out: the list of power management; moves past MOVES_MAX of what has been moved before.
 */
export function* device_reorder_to_tail(k: Kernel, dev: string): Path<void> {
  const devs: string[] = [];
  const dependents = dependentsOf(k, ({ orphaned }) => !orphaned);
  collect(k, dev, dependents, devs, new Set());
  const last = [...new Set(devs.toReversed())].toReversed();
  for (const moved of devs)
    yield* pr_debug(k, FILE, `devices_kset: Moving ${moved} to end of list`);
  const tail = k.state.devices_kset.slice(-last.length);
  if (last.some((name, i) => name !== tail[i])) yield { type: 'devices_kset.moved', devs: last };
}

/** A device is moved as often as ways lead to it; past that many moves, once more. */
const MOVES_MAX = 2000;

/** In the order of the moves: the device, what is below it, what consumes it. */
function collect(
  k: Kernel,
  dev: string,
  dependents: (dev: string) => readonly string[],
  devs: string[],
  above: Set<string>,
): void {
  if (k.state.devices[dev] === undefined || above.has(dev)) return;
  above.add(dev);
  devs.push(dev);
  for (const name of dependents(dev)) collect(k, name, dependents, devs, above);
  if (devs.length < MOVES_MAX) above.delete(dev);
}
