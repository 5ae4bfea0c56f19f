/** The one reducer: every event type with the recipe that folds it. */
import type { EventOf, EventType, KernelEvent } from '../../events/event.ts';
import { deviceReducers } from './devices.ts';
import { armDmaReducers, smmuReducers } from './dma.ts';
import { ioMappingReducers } from './io-mappings.ts';
import { groupReducers, iommuReducers } from './iommu.ts';
import { iommuUnitReducers } from './iommu-units.ts';
import { linkReducers } from './links.ts';
import { deferredReducers, moduleReducers } from './modules.ts';
import { pciReducers } from './pci.ts';
import { nothing, type Reducers } from './reducer.ts';
import type { State } from './state.ts';
import { vfioReducers } from './vfio.ts';

const reducers: Reducers = {
  ...deviceReducers,
  ...pciReducers,
  ...moduleReducers,
  ...deferredReducers,
  ...linkReducers,
  ...iommuReducers,
  ...groupReducers,
  ...vfioReducers,
  ...armDmaReducers,
  ...smmuReducers,
  ...ioMappingReducers,
  ...iommuUnitReducers,
  'task.started': nothing,
  'task.finished': nothing,
  'task.blocked': nothing,
  'syscall.returned': nothing,
  printk: nothing,
  'kernel.warned': nothing,
  'kernel.oopsed': (state, { at }) => {
    state.oops = at;
  },
  'log.diverged': nothing,
};

function fold<T extends EventType>(state: State, event: EventOf<T>): void {
  const reducer: (state: State, event: EventOf<T>) => void = reducers[event.type];
  reducer(state, event);
}

/** Folds `event` into `state` in place. Deterministic; never throws on a well-formed event. */
export function reduce(state: State, event: KernelEvent): void {
  fold(state, event);
}
