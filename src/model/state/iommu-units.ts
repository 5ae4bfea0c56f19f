/** Reducers of the hardware of IOMMUs that are no SMMU. */
import { emptyTable } from '../../events/table.ts';
import type { Ipmmu, Viommu, X86Unit } from './iommu-types.ts';
import type { Reducers } from './reducer.ts';
import type { State } from './state.ts';

function unitOf(state: State, name: string): X86Unit {
  state.x86_units[name] ??= {
    queue: false,
    translation: false,
    fault_index: 0,
  };
  return state.x86_units[name];
}

function viommuOf(state: State, name: string): Viommu {
  state.viommus[name] ??= { endpoints: emptyTable() };
  return state.viommus[name];
}

function ipmmuOf(state: State, name: string): Ipmmu {
  state.ipmmus[name] ??= { contexts: emptyTable(), utlbs: emptyTable() };
  return state.ipmmus[name];
}

export const iommuUnitReducers = {
  'x86_unit.written': (state, { iommu, what, on }) => {
    const unit = unitOf(state, iommu);
    // Nothing depends on interrupts.
    if (what !== 'interrupts') unit[what] = on;
  },
  'x86_unit.fault_recorded': (state, { iommu, next }) => {
    unitOf(state, iommu).fault_index = next;
  },
  'viommu.reset': (state, { iommu }) => {
    viommuOf(state, iommu).endpoints = emptyTable();
  },
  'viommu.endpoint_written': (state, { iommu, id, does }) => {
    viommuOf(state, iommu).endpoints[id] = does;
  },
  'ipmmu.utlb_written': (state, { iommu, id, context }) => {
    const { utlbs } = ipmmuOf(state, iommu);
    if (context === null) delete utlbs[id];
    else utlbs[id] = context;
  },
  'ipmmu.context_written': (state, { iommu, context, user }) => {
    const { contexts } = ipmmuOf(state, iommu);
    if (user === null) delete contexts[context];
    else contexts[context] = { ...user };
  },
} satisfies Partial<Reducers>;
