/** The kernel survives what is done to it. */
import type { Invariant } from './invariant.ts';

/** INV-OOPS. */
export const oops: Invariant = {
  id: 'kernel-does-not-oops',
  code: 'INV-OOPS',
  harm: 'crash',
  claim: 'No order of probes, unbinds and module loads makes the kernel crash.',
  subsystem: 'driver core',
  when: 'always',
  watches: ['kernel.oopsed'],
  subjects: (event) => (event.type === 'kernel.oopsed' ? [`${event.at}: ${event.what}`] : []),
  name: (subject) => subject.slice(0, subject.indexOf(': ')),
  suspects: ['iommu_probe_rework', 'bus_ops_retired', 'test_remove_dma_cleanup'],
  check: (subject, k) =>
    k.state.oops === null
      ? null
      : { message: `the kernel crashes in ${subject}`, values: { at: k.state.oops } },
};
