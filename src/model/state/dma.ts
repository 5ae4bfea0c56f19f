/** Reducers of DMA operations and mappings of 32-bit Arm, and of the streams of SMMUs. */
import { emptyTable } from '../../events/table.ts';
import { armDomain, dropDomain } from './io-mappings.ts';
import type { Smmu } from './iommu-types.ts';
import type { Reducers } from './reducer.ts';
import { nothing } from './reducer.ts';
import type { State } from './state.ts';

/** Drops a reference; the last one frees the mapping, and with it its domain and context. */
function put(state: State, id: number): void {
  const mapping = state.mappings[id];
  if (mapping === undefined || mapping.kref === 0) return;
  mapping.kref -= 1;
  if (mapping.kref > 0) return;
  mapping.context = null;
  dropDomain(state, armDomain(id));
  if (!mapping.shared) delete state.mappings[id];
}

export const armDmaReducers = {
  'dma_ops.set': (state, { dev, ops }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.dma_ops = ops;
  },
  'dma_ops.set_up': (state, { dev }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.archdata.dma_ops_setup = true;
  },
  'dma_ops.torn_down': nothing,
  'mapping.created': (state, { mapping, iommu, shared }) => {
    state.mappings[mapping] = { id: mapping, iommu, shared, kref: 1, context: null };
  },
  'mapping.attached': (state, { dev, mapping, context }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.archdata.mapping = mapping;
    const found = state.mappings[mapping];
    if (found === undefined) return;
    found.kref += 1;
    found.context = context;
  },
  'mapping.detached': (state, { dev, mapping }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.archdata.mapping = null;
    put(state, mapping);
  },
  'mapping.put': (state, { mapping }) => put(state, mapping),
  'dma.allocated': (state, { dev }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.dma_buffer = { ops: device.dma_ops };
  },
} satisfies Partial<Reducers>;

/** The SMMU's streams; until its reset it lets pass what has no entry, as firmware left it. */
function smmuOf(state: State, name: string): Smmu {
  let smmu = state.smmus[name];
  if (smmu === undefined) {
    smmu = {
      features: null,
      enabled: true,
      gbpa_abort: false,
      entries: emptyTable(),
      unmatched: 'bypass',
      context_banks: emptyTable(),
    };
    state.smmus[name] = smmu;
  }
  return smmu;
}

export const smmuReducers = {
  'smmu.features': (state, { iommu, ...features }) => {
    const smmu = smmuOf(state, iommu);
    smmu.features = features;
    smmu.context_banks = emptyTable();
  },
  'smmu.reset': (state, { iommu, entries, unmatched }) => {
    const smmu = smmuOf(state, iommu);
    smmu.entries = emptyTable();
    smmu.enabled = true;
    smmu.unmatched = unmatched;
    for (const { index, ...entry } of entries) smmu.entries[index] = entry;
  },
  'smmu.entry_written': (state, { iommu, index, ...entry }) => {
    smmuOf(state, iommu).entries[index] = entry;
  },
  'smmu.entry_freed': (state, { iommu, index }) => {
    delete smmuOf(state, iommu).entries[index];
  },
  'smmu.context_bank': (state, { iommu, context, group, domain }) => {
    smmuOf(state, iommu).context_banks[context] = { group, domain };
  },
  'smmu.gbpa_written': (state, { iommu, abort }) => {
    smmuOf(state, iommu).gbpa_abort = abort;
  },
  'smmu.disabled': (state, { iommu }) => {
    smmuOf(state, iommu).enabled = false;
  },
  'dma.faulted': nothing,
  'dma.handed_over': (state, { dev }) => {
    const device = state.devices[dev];
    if (device !== undefined) device.live_dma = false;
  },
} satisfies Partial<Reducers>;
