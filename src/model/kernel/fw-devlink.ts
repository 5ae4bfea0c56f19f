/** Device links that firmware asks for. Kernel: drivers/base/core.c:fw_devlink_*, v6.1 unless said. */
import type { LinkFlag } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import type { ReadState } from '../state/state.ts';
import { device_is_dependent, device_link_add, fw_devlink_relax_link } from './device-link.ts';
import { consumersOf, flagBits } from './device-link-facts.ts';
import { fw_devlink_relax_cycle, relaxCycles } from './fw-devlink-cycles.ts';
import {
  childNodes,
  deviceAbove,
  fwnode_get_next_parent_dev,
  fwnode_is_ancestor_of,
  isAvailable,
  nodeName,
  nodePath,
  suppliersNamed,
} from './fwnode.ts';
import { kstrtobool } from './kstrtobool.ts';

type Mode = 'off' | 'permissive' | 'on' | 'rpm';
type FwnodeLink = ReadState['fwnode_links'][number];

const MODES: readonly Mode[] = ['off', 'permissive', 'on', 'rpm'];
const PERMISSIVE: readonly LinkFlag[] = ['INFERRED', 'SYNC_STATE_ONLY'];
const FLAGS: Readonly<Record<Exclude<Mode, 'off'>, readonly LinkFlag[]>> = {
  permissive: PERMISSIVE,
  on: ['INFERRED', 'AUTOPROBE_CONSUMER'],
  rpm: ['INFERRED', 'AUTOPROBE_CONSUMER', 'PM_RUNTIME'],
};

/**
 * What links firmware gives: none, such as hold sync_state back, such as hold probes back, or such
 * as manage power too. Only devicetrees give any.
 *
 * Kernel: drivers/base/core.c:fw_devlink_setup, v6.1; drivers/of/property.c:of_devlink, v5.5.
 * Leaves out: nothing.
 */
function fw_devlink_mode(k: Kernel): Mode {
  if (k.machine.firmware === 'acpi' || !k.has('of_devlink')) return 'off';
  const asked = MODES.find((mode) => mode === k.cmdline('fw_devlink'));
  if (k.has('fw_devlink_permissive') && asked !== undefined) return asked;
  if (k.has('fw_devlink_rpm')) return 'rpm';
  if (k.has('fw_devlink_on')) return 'on';
  if (k.has('fw_devlink_permissive')) return 'permissive';
  const of_devlink = k.cmdline('of_devlink');
  return of_devlink === '' || kstrtobool(of_devlink) ? 'on' : 'off';
}

/** Do links of firmware hold probes back? */
export const holdsBack = (k: Kernel): boolean => ['on', 'rpm'].includes(fw_devlink_mode(k));

/** Do `iommus` and `iommu-map` name suppliers? Kernel: of_supplier_bindings, v6.1. */
function followsIommus(k: Kernel): boolean {
  if (!k.has('devlink_iommus')) return false;
  if (!k.has('devlink_iommu_optional')) return true;
  return kstrtobool(k.cmdline('fw_devlink.strict')) === true && fw_devlink_mode(k) !== 'permissive';
}

/**
 * Links a new device: consumers that were waiting for it, its own suppliers, and in their name those
 * of nodes below it that have no devices yet.
 *
 * Kernel: drivers/base/core.c:fw_devlink_link_device, v6.1.
 * Leaves out: suppliers that early code has set up without a device.
 */
export const fw_devlink_link_device = path(
  'fw_devlink_link_device',
  function* (k, dev: string): Path<void> {
    if (fw_devlink_mode(k) === 'off') return;
    yield* fw_devlink_parse_fwtree(k, dev);
    yield* __fw_devlink_link_to_consumers(k, dev);
    yield* __fw_devlink_link_to_suppliers(k, dev, dev);
  },
);

/** Kernel: fw_devlink_parse_fwtree, and drivers/of/property.c:of_link_to_phandle, v6.1. */
function* fw_devlink_parse_fwtree(k: Kernel, fwnode: string): Path<void> {
  const named = k.state.fwnodes_linked.includes(fwnode)
    ? []
    : suppliersNamed(k, fwnode, followsIommus(k));
  for (const supplier of named) {
    if (supplier === fwnode || !isAvailable(k, supplier)) continue;
    const isBelow = fwnode_is_ancestor_of(k, fwnode, supplier);
    if (isBelow && !k.has('fw_devlink_cycles')) continue;
    yield { type: 'fwnode_link.added', consumer: fwnode, supplier };
  }
  for (const child of childNodes(k, fwnode)) yield* fw_devlink_parse_fwtree(k, child);
}

/**
 * Links those that firmware says are consumers of `dev`. In the name of one without a device the
 * nearest device above it gets a link that holds sync_state back.
 *
 * Kernel: drivers/base/core.c:__fw_devlink_link_to_consumers, v6.1.
 * Leaves out: what a bound driver has made of the nodes below its device, such as the clients of an I2C
 * bus: the kernel links those.
 */
function* __fw_devlink_link_to_consumers(k: Kernel, dev: string): Path<void> {
  for (const link of k.state.fwnode_links.filter(({ supplier }) => supplier === dev)) {
    const isOwn = k.state.devices[link.consumer] !== undefined;
    const con = isOwn ? link.consumer : fwnode_get_next_parent_dev(k, link.consumer);
    if (con === null || (!isOwn && fwnode_is_ancestor_of(k, con, dev))) continue;
    if (isBelowBound(k, link.consumer)) continue;
    const isDone = yield* fw_devlink_create_devlink(k, con, link);
    if (isOwn && isDone) yield* dropFwnodeLink(link);
  }
}

/**
 * Links `dev` to what the node and those below it name as suppliers.
 *
 * Kernel: drivers/base/core.c:__fw_devlink_link_to_suppliers, v6.1.
 * Leaves out: nothing.
 */
function* __fw_devlink_link_to_suppliers(k: Kernel, dev: string, fwnode: string): Path<void> {
  for (const link of k.state.fwnode_links.filter(({ consumer }) => consumer === fwnode)) {
    const isDone = yield* fw_devlink_create_devlink(k, dev, link);
    if (fwnode === dev && isDone) yield* dropFwnodeLink(link);
  }
  for (const child of childNodes(k, fwnode)) yield* __fw_devlink_link_to_suppliers(k, dev, child);
}

function* dropFwnodeLink({ consumer, supplier }: FwnodeLink): Path<void> {
  yield { type: 'fwnode_link.deleted', consumer, supplier };
}

/** Is it the node that stands for all those below a device, and that device bound? */
function isBelowBound(k: Kernel, fwnode: string): boolean {
  const above = deviceAbove(fwnode);
  return above !== undefined && k.state.devices[above]?.bound === true;
}

/** The device that stands for a supplier: its own, or where it gets none, a bound one above it. */
function supplierDevice(k: Kernel, fwnode: string): string | null {
  if (k.state.devices[fwnode] !== undefined) return fwnode;
  const above = fwnode_get_next_parent_dev(k, fwnode);
  return above !== null && k.state.devices[above]?.bound === true ? above : null;
}

/**
 * Makes a device link of what firmware says, if that can be done now. Before the patch
 * fw_devlink_cycles a cycle is looked for only when the link cannot be made, or when the supplier has
 * no device: then by the device above it.
 *
 * Kernel: drivers/base/core.c:fw_devlink_create_devlink, v6.1.192; v5.15 without fw_devlink_cycles.
 * Leaves out: suppliers that need their children bound as they are added.
 *
 * @returns false when it may be possible later.
 */
const fw_devlink_create_devlink = path(
  'fw_devlink_create_devlink',
  function* (k, con: string, link: FwnodeLink): Path<boolean> {
    const { consumer, supplier } = link;
    const isOwn = con === consumer;
    let { cycle } = link;
    if (k.has('fw_devlink_cycles') && (yield* relaxCycles(k, consumer, supplier))) {
      if (!cycle) yield { type: 'fwnode_link.cycle', consumer, supplier };
      cycle = true;
    }
    const flags = !isOwn ? PERMISSIVE : cycle ? CYCLE : ownFlags(k);
    const sup = supplierDevice(k, supplier);
    if (sup !== null) {
      if (con === sup || (yield* device_link_add(k, con, sup, flags))) return true;
      if (k.has('fw_devlink_cycles')) {
        const text = `Failed to create device link (${flagBits(flags)}) with ${sup}`;
        yield dev_printk(k, 'err', con, text);
      } else if (!flags.includes('SYNC_STATE_ONLY') && k.has('fw_devlink_on')) {
        yield dev_printk(k, 'info', con, `Fixing up cyclic dependency with ${sup}`);
        yield* fw_devlink_relax_cycle(k, con, sup);
        yield* device_link_add(k, con, sup, PERMISSIVE);
      }
      return true;
    }
    if (k.has('fw_devlink_cycles') || flags.includes('SYNC_STATE_ONLY')) return false;
    return yield* giveUpBelow(k, con, supplier);
  },
);

const CYCLE: readonly LinkFlag[] = [...PERMISSIVE, 'CYCLE'];

function ownFlags(k: Kernel): readonly LinkFlag[] {
  const mode = fw_devlink_mode(k);
  return mode === 'off' ? PERMISSIVE : FLAGS[mode];
}

/** A supplier without a device below one that depends on the consumer never comes. Kernel: v5.15. */
function* giveUpBelow(k: Kernel, con: string, supplier: string): Path<boolean> {
  const above = fwnode_get_next_parent_dev(k, supplier);
  if (above === null || !device_is_dependent(k, con, above)) return false;
  if (k.has('fw_devlink_on')) {
    const text = `Fixing up cyclic dependency with ${nodeName(k, supplier)} (${above})`;
    yield dev_printk(k, 'info', con, text);
    yield* fw_devlink_relax_cycle(k, con, above);
  }
  return true;
}

/**
 * The name of the first supplier of `dev` that has no device yet and is to be waited for; null for
 * none.
 *
 * Kernel: drivers/base/core.c:fwnode_links_check_suppliers, v6.1.
 * Leaves out: nothing.
 */
export function missingSupplier(k: Kernel, dev: string): string | null {
  if (!holdsBack(k)) return null;
  const link = k.state.fwnode_links.find(({ consumer, cycle }) => consumer === dev && !cycle);
  if (link === undefined) return null;
  return k.has('probe_wording') ? nodePath(k, link.supplier) : nodeName(k, link.supplier);
}

/**
 * Is `dev` probed although suppliers are missing?
 *
 * Kernel: drivers/base/core.c:dev_is_best_effort, v6.1.
 * Leaves out: devices that firmware marks.
 */
export function dev_is_best_effort(k: Kernel, dev: string): boolean {
  return k.state.fw_devlink_best_effort && k.state.devices[dev]?.can_match === true;
}

/**
 * `dev` is bound, so it has said itself what it needs. What is below it and has no device now never
 * gets one: whoever waits for that waits for `dev`.
 *
 * Kernel: drivers/base/core.c:device_links_driver_bound, its part for fwnodes, and
 * __fw_devlink_pickup_dangling_consumers, v6.1.
 * Leaves out: nothing.
 */
export function* fw_devlink_driver_bound(k: Kernel, dev: string): Path<void> {
  for (const link of k.state.fwnode_links.filter(({ consumer }) => consumer === dev))
    yield* dropFwnodeLink(link);
  if (fw_devlink_mode(k) === 'off' || !k.has('fw_devlink_on')) return;
  for (const child of childNodes(k, dev)) yield* pickUpDangling(k, child, dev);
  yield* __fw_devlink_link_to_consumers(k, dev);
}

function* pickUpDangling(k: Kernel, fwnode: string, dev: string): Path<void> {
  if (k.state.devices[fwnode] !== undefined) return;
  for (const link of k.state.fwnode_links.filter(({ supplier }) => supplier === fwnode)) {
    const { consumer, cycle } = link;
    yield { type: 'fwnode_link.added', consumer, supplier: dev };
    if (cycle) yield { type: 'fwnode_link.cycle', consumer, supplier: dev };
    yield* dropFwnodeLink(link);
  }
  for (const child of childNodes(k, fwnode)) yield* pickUpDangling(k, child, dev);
}

/**
 * No more drivers are expected: links to suppliers that no driver ever matched are relaxed.
 *
 * Kernel: drivers/base/core.c:fw_devlink_drivers_done, v6.1.
 * Leaves out: nothing.
 */
export const fw_devlink_drivers_done = path('fw_devlink_drivers_done', function* (k): Path<void> {
  if (!k.has('fw_devlink_on')) return;
  for (const link of k.state.links.slice())
    if (k.state.devices[link.supplier]?.can_match === false) yield* fw_devlink_relax_link(k, link);
});

/** Have all drivers registered that are expected to? */
function areDriversDone(k: Kernel): boolean {
  const { timed_out, initcalls_done } = k.state.deferred;
  return timed_out || (initcalls_done && k.config('MODULES') !== 'y');
}

/**
 * Nobody waits for a new device that no driver matches, once all drivers are there.
 *
 * Kernel: drivers/base/core.c:fw_devlink_unblock_consumers, called at the end of device_add, v6.1.
 * Leaves out: nothing.
 */
export function* fw_devlink_unblock_consumers(k: Kernel, dev: string): Path<void> {
  if (!holdsBack(k) || !k.has('fw_devlink_on')) return;
  if (!areDriversDone(k) || k.state.devices[dev]?.can_match !== false) return;
  for (const link of consumersOf(k, dev)) yield* fw_devlink_relax_link(k, link);
}
