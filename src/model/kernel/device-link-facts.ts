/** What can be asked of device links. Kernel: drivers/base/core.c, v6.1. */
import { LINK_FLAGS, type LinkFlag } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import type { ReadDevice, ReadState } from '../state/state.ts';

export type ReadLink = ReadState['links'][number];
export type WithState = Pick<Kernel, 'state'>;
export type Ends = Pick<ReadLink, 'consumer' | 'supplier'>;

/** The managed links of `consumer`, in the order they were made. */
export function suppliersOf(k: WithState, consumer: string): readonly ReadLink[] {
  return k.state.links.filter((link) => link.consumer === consumer && is(link, 'MANAGED'));
}

/** The managed links to `supplier`, in the order they were made. */
export function consumersOf(k: WithState, supplier: string): readonly ReadLink[] {
  return k.state.links.filter((link) => link.supplier === supplier && is(link, 'MANAGED'));
}

/** The link as it is now; undefined when it is gone. */
export function linkBetween(
  { state }: WithState,
  { consumer, supplier }: Ends,
): ReadLink | undefined {
  return state.links.find((link) => link.consumer === consumer && link.supplier === supplier);
}

/** Has the link that flag? */
export function is({ flags }: Pick<ReadLink, 'flags'>, flag: LinkFlag): boolean {
  return flags.includes(flag);
}

/** The flags as the number that the kernel prints. */
export function flagBits(flags: readonly LinkFlag[]): string {
  const bits = flags.reduce((sum, flag) => sum | (1 << LINK_FLAGS.indexOf(flag)), 0);
  return `0x${bits.toString(16)}`;
}

const MARKERS: readonly LinkFlag[] = ['INFERRED', 'CYCLE', 'MANAGED'];

/**
 * Does a link with these flags do nothing but hold sync_state back?
 *
 * Kernel: drivers/base/core.c:device_link_flag_is_sync_state_only, v6.1.
 * Leaves out: nothing.
 */
export function isSyncStateOnly({ flags }: Pick<ReadLink, 'flags'>): boolean {
  if (!flags.includes('SYNC_STATE_ONLY')) return false;
  return flags.every((flag) => flag === 'SYNC_STATE_ONLY' || MARKERS.includes(flag));
}

/**
 * What hangs on each device: those below it, then those that consume it by links that do more than
 * hold sync_state back. Cost: each device and link once, then as many steps as there are answers.
 */
export function dependentsOf(
  { state }: WithState,
  isBelow: (child: ReadDevice) => boolean = () => true,
): (dev: string) => readonly string[] {
  const dependents = new Map<string, string[]>();
  const add = (of: string, name: string) => {
    const known = dependents.get(of);
    if (known === undefined) dependents.set(of, [name]);
    else known.push(name);
  };
  for (const child of Object.values(state.devices))
    if (child.parent !== null && isBelow(child)) add(child.parent, child.name);
  for (const link of state.links) if (!isSyncStateOnly(link)) add(link.supplier, link.consumer);
  return (dev) => dependents.get(dev) ?? [];
}
