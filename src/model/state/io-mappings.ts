/** What domains map, what devices last did with it, and which memory the kernel took. */
import type { IoMapping } from './iommu-types.ts';
import type { Reducers } from './reducer.ts';
import type { State } from './state.ts';

/** The name of a group's default domain. */
export const defaultDomain = (group: number): string => `group ${group}`;
/** The name of a domain that a group's driver made for itself. */
export const ownDomain = (group: number): string => `driver of group ${group}`;
/** The name of the domain of a mapping of 32-bit Arm. */
export const armDomain = (mapping: number): string => `mapping ${mapping}`;

/** A domain is freed, and its page tables with it. */
export function dropDomain(state: State, domain: string): void {
  state.io_mappings = state.io_mappings.filter((mapping) => mapping.domain !== domain);
}

/** The mapping of the domain that has the address. */
export function mappingAt<T extends Pick<IoMapping, 'domain' | 'start' | 'length'>>(
  mappings: readonly T[],
  domain: string,
  addr: number,
): T | undefined {
  return mappings.find(
    (one) => one.domain === domain && addr >= one.start && addr < one.start + one.length,
  );
}

export const ioMappingReducers = {
  'iommu.mapped': (state, { domain, start, length, dev, cache, read, write }) => {
    state.io_mappings.push({ domain, start, length, dev, cache, read, write, unseen_by: null });
  },
  'iommu.unmapped': (state, { domain, start, length }) => {
    const at = state.io_mappings.findIndex(
      (one) => one.domain === domain && one.start === start && one.length === length,
    );
    if (at >= 0) state.io_mappings.splice(at, 1);
  },
  'iommu.map_unseen': (state, { domain, start, iommu }) => {
    const found = mappingAt(state.io_mappings, domain, start);
    if (found !== undefined) found.unseen_by = iommu;
  },
  'dma.issued': (state, { dev, addr, write, result, why, snooped, cache }) => {
    state.last_dma[dev] = { addr, write, result, why, snooped, cache };
  },
  'memory.allocated': (state, { start, length }) => {
    state.allocated.push({ start, length });
  },
} satisfies Partial<Reducers>;
