/** Firmware that makes devices wait for each other. Kernel: drivers/base/core.c, v6.1.192. */
import type { Kernel } from '../context.ts';
import type { Path } from '../path.ts';
import { printk } from '../printk.ts';
import type { ReadState } from '../state/state.ts';
import { fw_devlink_relax_link, setFlags } from './device-link.ts';
import { is, isSyncStateOnly, linkBetween, type ReadLink } from './device-link-facts.ts';
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
  const search: Search = { k, con: consumer, ...linksOf(k), steps: 0, hits: new Map() };
  if (!__fw_devlink_relax_cycles(search, supplier, new Set())) return false;
  for (const mend of search.hits.values()) yield* mend(k);
  const [con, sup] = [nodePath(k, consumer), nodePath(k, supplier)];
  yield printk('info', `${con}: Fixed dependency cycle(s) with ${sup}`);
  return true;
}

type FwnodeLink = ReadState['fwnode_links'][number];

interface Search {
  readonly k: Kernel;
  readonly con: string;
  /** Links by consumer, in the order they were made. */
  readonly nodes: ReadonlyMap<string, readonly FwnodeLink[]>;
  readonly devices: ReadonlyMap<string, readonly ReadLink[]>;
  /** Nodes looked at. */
  steps: number;
  /** What is to be done about each link on a way back to `con`, in the order of finding. */
  readonly hits: Map<FwnodeLink | ReadLink, (k: Kernel) => Path<void>>;
}

function linksOf({ state }: Kernel): Pick<Search, 'nodes' | 'devices'> {
  const managed = state.links.filter((link) => is(link, 'MANAGED'));
  return { nodes: byConsumer(state.fwnode_links), devices: byConsumer(managed) };
}

function byConsumer<Link extends { readonly consumer: string }>(links: readonly Link[]) {
  const found = new Map<string, Link[]>();
  for (const link of links) {
    const known = found.get(link.consumer);
    if (known === undefined) found.set(link.consumer, [link]);
    else known.push(link);
  }
  return found;
}

/**
 * Nodes that are looked at as often as ways lead to them; past that, each once. Real boards take less
 * than 100.
 */
const STEPS_MAX = 2000;

/**
 * Does the node, one above it or a supplier of it depend on `con`? Every dependency on the way is a
 * hit. Cost: as many steps as there are ways from `sup`, at most STEPS_MAX and one for each node.
 *
 * Kernel: drivers/base/core.c:__fw_devlink_relax_cycles, v6.1.192.
 * Leaves out: past STEPS_MAX, ways through nodes that were looked at; the kernel would take for ever.
 */
function __fw_devlink_relax_cycles(search: Search, sup: string, visited: Set<string>): boolean {
  const { k, con } = search;
  if (visited.has(sup)) return false;
  if (sup === con) return true;
  const supplier = k.state.devices[sup];
  const isIdle = k.state.devices[con]?.links_status === 'NO_DRIVER';
  // A bound device cannot be the consumer of one whose driver has not been tried.
  if (supplier?.links_status === 'DRIVER_BOUND' && isIdle) return false;
  visited.add(sup);
  search.steps += 1;
  let found = false;
  const follow = (to: string): boolean => {
    const isOnWay = __fw_devlink_relax_cycles(search, to, visited);
    found ||= isOnWay;
    return isOnWay;
  };
  for (const link of search.nodes.get(sup) ?? [])
    if (follow(link.supplier)) search.hits.set(link, (on) => markNode(on, link));
  const above = supplier === undefined ? fwnode_get_next_parent_dev(k, sup) : supplier.parent;
  if (above !== null) follow(above);
  for (const link of search.devices.get(sup) ?? []) {
    if (isSyncStateOnly(link) && !is(link, 'CYCLE')) continue;
    if (follow(link.supplier)) search.hits.set(link, (on) => relaxDevice(on, link));
  }
  if (search.steps < STEPS_MAX) visited.delete(sup);
  return found;
}

function* markNode(k: Kernel, { consumer, supplier }: FwnodeLink): Path<void> {
  const link = k.state.fwnode_links.find(
    (one) => one.consumer === consumer && one.supplier === supplier,
  );
  if (link?.cycle === false) yield { type: 'fwnode_link.cycle', consumer, supplier };
}

function* relaxDevice(k: Kernel, hit: ReadLink): Path<void> {
  const link = linkBetween(k, hit) ?? hit;
  yield* fw_devlink_relax_link(k, link);
  const relaxed = linkBetween(k, link) ?? link;
  if (!is(relaxed, 'CYCLE')) yield* setFlags(link, new Set([...relaxed.flags, 'CYCLE']));
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
