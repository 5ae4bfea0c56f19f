/** Reducers of modules and deferral. */
import { emptyTable } from '../../events/table.ts';
import { drop, type Reducers } from './reducer.ts';
import type { State } from './state.ts';

function undefer(state: State, dev: string): void {
  drop(state.deferred.pending, dev);
  drop(state.deferred.active, dev);
  const device = state.devices[dev];
  if (device === undefined) return;
  device.deferred = 'none';
  device.deferred_reason = null;
}

/** The lowest number from 0 that is not taken. */
function lowestFree(taken: readonly number[]): number {
  let place = 0;
  while (taken.includes(place)) place += 1;
  return place;
}

export const moduleReducers = {
  'module.loading': (state, { module, depends }) => {
    state.modules[module] = {
      name: module,
      place: lowestFree(Object.values(state.modules).map((other) => other.place)),
      depends: [...depends],
      state: 'coming',
      holders: [],
      params: emptyTable(),
    };
    for (const other of depends) state.modules[other]?.holders.push(`module ${module}`);
  },
  'module.live': (state, { module }) => {
    const found = state.modules[module];
    if (found !== undefined) found.state = 'live';
  },
  'module.going': (state, { module }) => {
    const found = state.modules[module];
    if (found !== undefined) found.state = 'going';
  },
  'module.unloaded': (state, { module }) => {
    const depends = state.modules[module]?.depends ?? [];
    for (const other of depends) {
      const holders = state.modules[other]?.holders;
      if (holders !== undefined) drop(holders, `module ${module}`);
    }
    delete state.modules[module];
  },
  'module.got': (state, { module, by }) => {
    state.modules[module]?.holders.push(by);
  },
  'module.put': (state, { module, by }) => {
    const holders = state.modules[module]?.holders;
    if (holders !== undefined) drop(holders, by);
  },
  'module.param': (state, { module, param, value }) => {
    const loaded = state.modules[module]?.params;
    const params = loaded ?? state.builtin_params[module] ?? emptyTable();
    params[param] = value;
    if (loaded === undefined) state.builtin_params[module] = params;
  },
} satisfies Partial<Reducers>;

export const deferredReducers = {
  'deferred.added': (state, { dev }) => {
    const device = state.devices[dev];
    if (device === undefined || device.deferred !== 'none') return;
    device.deferred = 'pending';
    state.deferred.pending.push(dev);
  },
  'deferred.removed': (state, { dev }) => undefer(state, dev),
  'deferred.reason': (state, { dev, reason }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.deferred_reason = reason;
  },
  'deferred.triggered': (state) => {
    const { deferred, devices } = state;
    deferred.trigger_count += 1;
    for (const dev of deferred.pending) {
      const device = devices[dev];
      if (device !== undefined) device.deferred = 'active';
      deferred.active.push(dev);
    }
    if (deferred.pending.length > 0) deferred.pending = [];
  },
  'deferred.retried': (state, { dev }) => undefer(state, dev),
  'probing.blocked': (state) => {
    state.deferred.defer_all_probes = true;
  },
  'deferred.enabled': (state) => {
    state.deferred.enable = true;
  },
  'initcalls.done': (state) => {
    state.deferred.initcalls_done = true;
  },
  'deferred.timeout_armed': (state) => {
    state.deferred.timeout_armed = true;
  },
  'deferred.timed_out': (state) => {
    state.deferred.timeout_armed = false;
    state.deferred.timed_out = true;
  },
} satisfies Partial<Reducers>;
