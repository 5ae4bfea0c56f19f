/** The order of devices for a shutdown. Kernel: drivers/base/core.c, v6.1. */
import type { Kernel } from '../context.ts';
import type { Path } from '../path.ts';
import { pr_debug } from '../printk.ts';
import { isSyncStateOnly } from './device-link-facts.ts';

const FILE = 'drivers/base/core.c';

/**
 * Moves a device to the end of the list of all devices, with all that hangs below it and all that
 * needs it: at a shutdown they go first.
 *
 * Kernel: drivers/base/core.c:device_reorder_to_tail and device_pm_move_to_tail, v6.1.
 * Leaves out: the list of power management.
 */
export function* device_reorder_to_tail(k: Kernel, dev: string): Path<void> {
  const devs: string[] = [];
  collect(k, dev, devs, new Set());
  const last = [...new Set(devs.toReversed())].toReversed();
  for (const moved of devs)
    yield* pr_debug(k, FILE, `devices_kset: Moving ${moved} to end of list`);
  const tail = k.state.devices_kset.slice(-last.length);
  if (last.some((name, i) => name !== tail[i])) yield { type: 'devices_kset.moved', devs: last };
}

/** In the order of the moves: the device, what is below it, what consumes it. */
function collect(k: Kernel, dev: string, devs: string[], above: Set<string>): void {
  if (k.state.devices[dev] === undefined || above.has(dev)) return;
  above.add(dev);
  devs.push(dev);
  for (const child of Object.values(k.state.devices))
    if (child.parent === dev && !child.orphaned) collect(k, child.name, devs, above);
  for (const link of k.state.links)
    if (link.supplier === dev && !isSyncStateOnly(link)) collect(k, link.consumer, devs, above);
  above.delete(dev);
}
