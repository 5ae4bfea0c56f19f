/** Firmware that makes devices wait for each other. Kernel: drivers/base/core.c, v6.1.192. */
import type { Kernel } from '../context.ts';
import type { Path } from '../path.ts';
import { printk } from '../printk.ts';
import { fw_devlink_relax_link, setFlags } from './device-link.ts';
import { is, isSyncStateOnly, linkBetween, suppliersOf } from './device-link-facts.ts';
import { fwnode_get_next_parent_dev, nodePath } from './fwnode.ts';

/**
 * Relaxes the links that make a cycle with the one of `consumer` on `supplier`, and says so.
 *
 * Kernel: drivers/base/core.c:fw_devlink_create_devlink, its call of __fw_devlink_relax_cycles.
 * Leaves out: nothing.
 *
 * @returns true when there is a cycle: the link itself must not hold anybody back either.
 */
export function* relaxCycles(k: Kernel, consumer: string, supplier: string): Path<boolean> {
  if (!(yield* __fw_devlink_relax_cycles(k, consumer, supplier, new Set()))) return false;
  const [con, sup] = [nodePath(k, consumer), nodePath(k, supplier)];
  yield printk('info', `${con}: Fixed dependency cycle(s) with ${sup}`);
  return true;
}

/**
 * Does the node, one above it or a supplier of it depend on `con`? Every dependency on the way is
 * marked as part of a cycle. Cost: as many steps as there are ways from `sup`.
 *
 * Kernel: drivers/base/core.c:__fw_devlink_relax_cycles, v6.1.192.
 * Leaves out: nothing.
 */
function* __fw_devlink_relax_cycles(
  k: Kernel,
  con: string,
  sup: string,
  visited: Set<string>,
): Path<boolean> {
  if (visited.has(sup)) return false;
  if (sup === con) return true;
  const supplier = k.state.devices[sup];
  const isIdle = k.state.devices[con]?.links_status === 'NO_DRIVER';
  // A bound device cannot be the consumer of one whose driver has not been tried.
  if (supplier?.links_status === 'DRIVER_BOUND' && isIdle) return false;
  visited.add(sup);
  let found = false;
  for (const link of k.state.fwnode_links.filter(({ consumer }) => consumer === sup)) {
    if (!(yield* __fw_devlink_relax_cycles(k, con, link.supplier, visited))) continue;
    const { consumer } = link;
    if (!link.cycle) yield { type: 'fwnode_link.cycle', consumer, supplier: link.supplier };
    found = true;
  }
  const above = supplier === undefined ? fwnode_get_next_parent_dev(k, sup) : supplier.parent;
  if (above !== null && (yield* __fw_devlink_relax_cycles(k, con, above, visited))) found = true;
  for (const link of suppliersOf(k, sup)) {
    if (isSyncStateOnly(link) && !is(link, 'CYCLE')) continue;
    if (!(yield* __fw_devlink_relax_cycles(k, con, link.supplier, visited))) continue;
    yield* fw_devlink_relax_link(k, link);
    const relaxed = linkBetween(k, link) ?? link;
    if (!is(relaxed, 'CYCLE')) yield* setFlags(link, new Set([...relaxed.flags, 'CYCLE']));
    found = true;
  }
  visited.delete(sup);
  return found;
}

/**
 * Relaxes the links by which `sup` depends on `con`.
 *
 * Kernel: drivers/base/core.c:fw_devlink_relax_cycle, v5.15.
 * Leaves out: nothing.
 *
 * @returns true when it does.
 */
export function* fw_devlink_relax_cycle(
  k: Kernel,
  con: string,
  sup: string,
  seen: Set<string> = new Set(),
): Path<boolean> {
  if (con === sup) return true;
  if (seen.has(con)) return false;
  seen.add(con);
  for (const { name, parent } of Object.values(k.state.devices))
    if (parent === con && (yield* fw_devlink_relax_cycle(k, name, sup, seen))) return true;
  let found = false;
  for (const link of k.state.links.filter(({ supplier }) => supplier === con)) {
    if (isSyncStateOnly(link)) continue;
    if (!(yield* fw_devlink_relax_cycle(k, link.consumer, sup, seen))) continue;
    yield* fw_devlink_relax_link(k, link);
    found = true;
  }
  return found;
}
