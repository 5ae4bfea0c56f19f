/** One device link: how it is made, changed and dropped. Kernel: drivers/base/core.c, v6.1. */
import { LINK_FLAGS, type LinkFlag, type LinkState } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_dbg } from '../printk.ts';
import {
  dependentsOf,
  type Ends,
  is,
  isSyncStateOnly,
  linkBetween,
  type ReadLink,
  type WithState,
} from './device-link-facts.ts';
import { device_reorder_to_tail } from './devices-kset.ts';

export const CORE = 'drivers/base/core.c';

/** Changes the state of a link. */
export function* setStatus({ consumer, supplier }: Ends, status: LinkState): Path<void> {
  yield { type: 'link.state', consumer, supplier, status };
}

/** Gives a link these flags, in the order of their bits. */
export function* setFlags({ consumer, supplier }: Ends, flags: ReadonlySet<LinkFlag>): Path<void> {
  yield { type: 'link.flags', consumer, supplier, flags: LINK_FLAGS.filter((f) => flags.has(f)) };
}

/**
 * Does `target` depend on `dev`: is it the same, below it, or a consumer of one that does? Cost: each
 * device below and each link once, if the links make no cycle.
 *
 * Kernel: drivers/base/core.c:device_is_dependent, v6.1.
 * Leaves out: nothing.
 */
export function device_is_dependent(k: WithState, dev: string, target: string): boolean {
  const seen = new Set<string>();
  const dependents = dependentsOf(k);
  const depends = (name: string): boolean => {
    if (name === target || isAncestor(k, name, target)) return true;
    if (seen.has(name)) return false;
    seen.add(name);
    return dependents(name).some(depends);
  };
  return depends(dev);
}

function isAncestor(k: WithState, dev: string, target: string): boolean {
  for (let at = k.state.devices[target]?.parent ?? null; at !== null; ) {
    if (at === dev) return true;
    at = k.state.devices[at]?.parent ?? null;
  }
  return false;
}

/**
 * The state a new link begins in.
 *
 * Kernel: drivers/base/core.c:device_link_init_status, v6.1.
 * Leaves out: nothing. A supplier that still probes and a consumer that is bound give DORMANT: when
 * the supplier is bound the link becomes AVAILABLE, and no unbind of the supplier frees the consumer.
 */
function device_link_init_status(k: Kernel, { consumer, supplier }: Ends): LinkState {
  const ofConsumer = deviceOf(k, consumer).links_status;
  switch (deviceOf(k, supplier).links_status) {
    case 'PROBING':
      return ofConsumer === 'PROBING' ? 'CONSUMER_PROBE' : 'DORMANT';
    case 'DRIVER_BOUND':
      if (ofConsumer === 'PROBING') return 'CONSUMER_PROBE';
      return ofConsumer === 'DRIVER_BOUND' ? 'ACTIVE' : 'AVAILABLE';
    case 'UNBINDING':
      return 'SUPPLIER_UNBIND';
    case 'NO_DRIVER':
      return 'DORMANT';
  }
}

/** What is asked for, completed; null for flags that contradict each other. */
function completed(asked: readonly LinkFlag[]): ReadonlySet<LinkFlag> | null {
  const flags = new Set(asked);
  const removes = flags.has('AUTOREMOVE_CONSUMER') || flags.has('AUTOREMOVE_SUPPLIER');
  const autoprobes = flags.has('AUTOPROBE_CONSUMER');
  const manages = removes || autoprobes || flags.has('SYNC_STATE_ONLY');
  if (flags.has('STATELESS') && manages) return null;
  if (autoprobes && removes) return null;
  if (!flags.has('STATELESS')) flags.add('MANAGED');
  if (flags.has('SYNC_STATE_ONLY') && !isSyncStateOnly({ flags: [...flags] })) return null;
  if (flags.has('AUTOREMOVE_SUPPLIER')) flags.delete('AUTOREMOVE_CONSUMER');
  return flags;
}

/**
 * Makes `consumer` depend on `supplier`, or gives the link that they have what is asked for beside.
 *
 * Kernel: drivers/base/core.c:device_link_add, v6.1.
 * Leaves out: how often a stateless link was asked for, runtime power management and its errors.
 *
 * @returns false for a pair that cannot be linked: one device, contradicting flags, a supplier that
 * is not there or depends on the consumer, or sync_state for a consumer that is bound.
 */
export const device_link_add = path(
  'device_link_add',
  function* (k, consumer: string, supplier: string, asked: readonly LinkFlag[]): Path<boolean> {
    const flags = completed(asked);
    if (flags === null || consumer === supplier) return false;
    if (k.state.devices[supplier] === undefined) return false;
    const syncStateOnly = flags.has('SYNC_STATE_ONLY');
    if (!syncStateOnly && device_is_dependent(k, consumer, supplier)) return false;
    const { links_status } = deviceOf(k, consumer);
    if (syncStateOnly && links_status !== 'NO_DRIVER' && links_status !== 'PROBING') return false;
    const ends = { consumer, supplier };
    const before = linkBetween(k, ends);
    if (before !== undefined) {
      if (yield* merge(k, before, flags)) yield* sayLinked(k, ends, false);
      return true;
    }
    const status = flags.has('MANAGED') ? device_link_init_status(k, ends) : 'NONE';
    yield { type: 'link.added', ...ends, flags: LINK_FLAGS.filter((f) => flags.has(f)), status };
    yield* sayLinked(k, ends, syncStateOnly);
    return true;
  },
);

function* sayLinked(k: Kernel, { consumer, supplier }: Ends, syncStateOnly: boolean): Path<void> {
  if (!syncStateOnly) yield* device_reorder_to_tail(k, consumer);
  const as = syncStateOnly ? 'a sync state only consumer' : 'a consumer';
  yield* dev_dbg(k, CORE, consumer, `Linked as ${as} to ${supplier}`);
}

/**
 * The part of device_link_add for a pair that has a link: the longer life time wins, and so does a
 * link that holds the consumer back.
 *
 * @returns true when the link holds its consumer back only from here on.
 */
function* merge(k: Kernel, link: ReadLink, asked: ReadonlySet<LinkFlag>): Path<boolean> {
  const flags = new Set(link.flags);
  if (!asked.has('INFERRED')) flags.delete('INFERRED');
  if (asked.has('PM_RUNTIME')) flags.add('PM_RUNTIME');
  let ordersNow = false;
  const wasManaged = is(link, 'MANAGED');
  if (asked.has('STATELESS')) {
    ordersNow = is(link, 'SYNC_STATE_ONLY') && !is(link, 'STATELESS');
    flags.add('STATELESS');
  } else {
    if (asked.has('AUTOREMOVE_SUPPLIER')) {
      if (flags.delete('AUTOREMOVE_CONSUMER')) flags.add('AUTOREMOVE_SUPPLIER');
    } else if (!asked.has('AUTOREMOVE_CONSUMER')) {
      flags.delete('AUTOREMOVE_CONSUMER');
      flags.delete('AUTOREMOVE_SUPPLIER');
    }
    flags.add('MANAGED');
    ordersNow = !asked.has('SYNC_STATE_ONLY') && flags.delete('SYNC_STATE_ONLY');
  }
  const isSame = flags.size === link.flags.length && link.flags.every((flag) => flags.has(flag));
  if (!isSame) yield* setFlags(link, flags);
  if (!wasManaged && flags.has('MANAGED')) yield* setStatus(link, device_link_init_status(k, link));
  return ordersNow;
}

/**
 * Ends what the driver core does with a link; the link goes with it, unless a driver holds it.
 *
 * Kernel: drivers/base/core.c:device_link_drop_managed, v6.1.
 * Leaves out: nothing.
 */
export function* device_link_drop_managed(k: Kernel, link: ReadLink): Path<void> {
  if (!is(link, 'STATELESS')) {
    yield* device_link_release(k, link);
    return;
  }
  yield* setFlags(link, new Set(link.flags.filter((flag) => flag !== 'MANAGED')));
  yield* setStatus(link, 'NONE');
}

/**
 * Deletes a link.
 *
 * Kernel: drivers/base/core.c:__device_link_del, v6.1.
 * Leaves out: the device of class devlink that stands for it.
 */
export function* device_link_release(k: Kernel, { consumer, supplier }: Ends): Path<void> {
  yield* dev_dbg(k, CORE, consumer, `Dropping the link to ${supplier}`);
  yield { type: 'link.deleted', consumer, supplier };
}

/**
 * Takes from a link that only firmware asked for the power to hold its consumer back.
 *
 * Kernel: drivers/base/core.c:fw_devlink_relax_link, v6.1.
 * Leaves out: nothing.
 */
export function* fw_devlink_relax_link(k: Kernel, link: ReadLink): Path<void> {
  if (!is(link, 'INFERRED') || isSyncStateOnly(link)) return;
  yield* setFlags(link, new Set(['MANAGED', 'INFERRED', 'SYNC_STATE_ONLY']));
  yield* dev_dbg(k, CORE, link.consumer, `Relaxing link with ${link.supplier}`);
}
