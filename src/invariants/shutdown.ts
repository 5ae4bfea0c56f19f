/** On the way down every device goes once. */
import { type Breach, devicesOf, type Invariant } from './invariant.ts';

/** INV-ONCE. */
export const once: Invariant = {
  id: 'device-is-shut-down-or-removed-once',
  code: 'INV-ONCE',
  harm: 'corruption',
  claim:
    "A shutdown takes a device down once: its driver's shutdown is not followed by its removal, " +
    "and no other device's shutdown takes its IOMMU group away.",
  subsystem: 'driver core',
  when: 'always',
  watches: ['driver.removed', 'group.left'],
  subjects: devicesOf,
  name: (subject) => subject,
  suspects: ['smmu_no_unregister_on_shutdown'],
  check(dev, k): Breach | null {
    const device = k.state.devices[dev];
    if (device === undefined || device.driver === null) return null;
    const { driver, shut_down, unbinding, bound, dead, iommu_group } = device;
    if (shut_down !== null && unbinding) {
      const message =
        `${dev} was shut down by ${shut_down}, and is removed from it all the same: ` +
        'what its shutdown switched off is switched off twice';
      return { message, values: { driver, shut_down } };
    }
    const goesDown = k.state.deferred.defer_all_probes;
    if (!goesDown || !bound || unbinding || dead || iommu_group !== null) return null;
    const by = Object.values(k.state.devices).find(
      (other) => other.shut_down !== null && other.spec.iommu_kind !== undefined,
    );
    const message =
      `${dev} is still bound to ${driver} when the shutdown of ${by?.name ?? 'its IOMMU'} ` +
      'takes its group away';
    return { message, values: { driver, iommu: by?.name ?? null } };
  },
};
