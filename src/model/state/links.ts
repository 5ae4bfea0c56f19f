/** Reducers of device links, of what firmware says of suppliers, and of sync_state. */

import type { FwnodeLink, Link } from './driver-core-types.ts';
import { drop, nothing, type Reducers } from './reducer.ts';
import type { State } from './state.ts';

interface Ends {
  readonly consumer: string;
  readonly supplier: string;
}

function linkOf({ links }: State, { consumer, supplier }: Ends): Link | undefined {
  return links.find((link) => link.consumer === consumer && link.supplier === supplier);
}

function fwnodeLinkOf({ fwnode_links }: State, ends: Ends): FwnodeLink | undefined {
  const { consumer, supplier } = ends;
  return fwnode_links.find((link) => link.consumer === consumer && link.supplier === supplier);
}

/** Adds `item` where it is not there yet. */
function addOnce(list: string[], item: string): void {
  if (!list.includes(item)) list.push(item);
}

export const linkReducers = {
  'fwnode_link.added': (state, { consumer, supplier }) => {
    addOnce(state.fwnodes_linked, consumer);
    if (fwnodeLinkOf(state, { consumer, supplier }) === undefined)
      state.fwnode_links.push({ consumer, supplier, cycle: false });
  },
  'fwnode_link.cycle': (state, ends) => {
    const link = fwnodeLinkOf(state, ends);
    if (link !== undefined) link.cycle = true;
  },
  'fwnode_link.deleted': (state, ends) => {
    const link = fwnodeLinkOf(state, ends);
    if (link !== undefined) state.fwnode_links.splice(state.fwnode_links.indexOf(link), 1);
  },
  'link.added': (state, { consumer, supplier, flags, status }) => {
    if (linkOf(state, { consumer, supplier }) === undefined)
      state.links.push({ consumer, supplier, status, flags: [...flags] });
  },
  'link.state': (state, { consumer, supplier, status }) => {
    const link = linkOf(state, { consumer, supplier });
    if (link !== undefined) link.status = status;
  },
  'link.flags': (state, { consumer, supplier, flags }) => {
    const link = linkOf(state, { consumer, supplier });
    if (link !== undefined) link.flags = [...flags];
  },
  'link.deleted': (state, ends) => {
    const link = linkOf(state, ends);
    if (link !== undefined) state.links.splice(state.links.indexOf(link), 1);
  },
  'links.status': (state, { dev, status }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.links_status = status;
  },
  'links.best_effort': (state, { on }) => {
    state.fw_devlink_best_effort = on;
  },
  'sync_state.paused': (state) => {
    state.defer_sync_state_count += 1;
  },
  'sync_state.resumed': (state) => {
    if (state.defer_sync_state_count > 0) state.defer_sync_state_count -= 1;
    if (state.defer_sync_state_count === 0) state.deferred_sync = [];
  },
  'sync_state.deferred': (state, { dev }) => addOnce(state.deferred_sync, dev),
  'sync_state.undeferred': (state, { dev }) => drop(state.deferred_sync, dev),
  'sync_state.queued': (state, { dev }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.state_synced = true;
  },
  'device.sync_state': nothing,
  'supplier.cleaned_up': nothing,
} satisfies Partial<Reducers>;
