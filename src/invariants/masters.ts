/** The search for masters that SMMUs list in their own nodes. */
import type { Facts } from '../model/context.ts';
import type { Invariant } from './invariant.ts';

/** SMMUs that list their masters. */
function listingSmmus(k: Facts): readonly string[] {
  const listing = Object.values(k.state.devices).filter(({ spec }) => spec.mmu_masters === true);
  return listing.map(({ name }) => name);
}

/** INV-MASTERS. */
export const masters: Invariant = {
  id: 'smmus-are-bound-when-masters-are-searched-for',
  code: 'INV-MASTERS',
  harm: 'corruption',
  claim:
    'An SMMU whose own node lists its masters is bound when the buses are searched for masters, which is done once.',
  subsystem: 'iommu core',
  when: 'always',
  watches: ['bus.iommu_ops'],
  subjects: (event, k) => (event.type === 'bus.iommu_ops' ? listingSmmus(k) : []),
  name: (subject) => subject,
  suspects: [],
  check(dev, k) {
    const device = k.state.devices[dev];
    if (device === undefined || device.bound || k.has('register_scans_buses')) return null;
    if (k.state.buses['platform']?.iommu_ops !== 'arm-smmu') return null;
    const message = `the buses are searched for masters while ${dev}, which lists some, is not bound`;
    return { message, values: { deferred: device.deferred } };
  },
};
