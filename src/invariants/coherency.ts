/** Coherency: that VFIO takes what is coherent and no other, and that nobody errs about SMMUs. */
import type { Facts } from '../model/context.ts';
import { coherentByRegister } from '../model/hardware/smmu-registers.ts';
import { snoops } from '../model/kernel/property.ts';
import { devicesOf, type Invariant } from './invariant.ts';

/** The devices of the VFIO groups in a container. */
function devicesIn(container: string, k: Facts): readonly string[] {
  return Object.values(k.state.vfio.groups).flatMap((group) =>
    group.container === container ? group.devices : [],
  );
}

/** Can the device reach memory that its user mapped? */
function isMapped(dev: string, k: Facts): boolean {
  const { groups, containers } = k.state.vfio;
  const group = Object.values(groups).find(({ devices }) => devices.includes(dev));
  return containers[group?.container ?? '']?.mapped === true;
}

/**
 * INV-COH. Silent of devices of which nobody knows whether their DMA is coherent: those of a log.
 */
export const coherency: Invariant = {
  id: 'vfio-takes-what-snoops-and-no-other',
  code: 'INV-COH',
  claim:
    'VFIO refuses no device whose DMA is coherent with the caches, and maps memory for no other.',
  subsystem: 'vfio',
  when: 'always',
  watches: ['driver.probed', 'vfio.dma_mapped'],
  subjects: (event, k) =>
    event.type === 'vfio.dma_mapped' ? devicesIn(event.container, k) : devicesOf(event, k),
  name: (subject) => subject,
  suspects: [
    'smmu_client_coherency_fallback',
    'smmu_truthful_coherency',
    'vfio_requires_coherency',
    'vfio_device_capable',
  ],
  check(dev, k) {
    const device = k.state.devices[dev];
    const truth = snoops(k, dev);
    if (device === undefined || truth === null) return null;
    const { driver, iommu } = device;
    const values = { snoops: truth, driver, iommu };
    if (truth && k.state.vfio.incoherent.includes(dev)) {
      const message = `VFIO refuses ${dev}, whose DMA is coherent: ${iommu} does not vouch for it`;
      return { message, values };
    }
    if (truth || !isMapped(dev, k)) return null;
    const message =
      `memory is mapped for ${dev}, whose DMA is not coherent with the caches: ` +
      'its user cannot flush them';
    return { message, values };
  },
};

/** INV-FWHW. Silent of SMMUs whose id register nobody told of: those of a log. */
export const wiring: Invariant = {
  id: 'smmu-is-wired-as-firmware-and-register-say',
  code: 'INV-FWHW',
  claim:
    "Firmware and an SMMU's id register say of its table walks what is true: coherent, or not.",
  subsystem: 'iommu driver',
  when: 'always',
  watches: ['driver.probed'],
  subjects: devicesOf,
  name: (subject) => subject,
  suspects: [],
  check(dev, k) {
    const spec = k.state.devices[dev]?.spec;
    const register = spec === undefined ? null : coherentByRegister(spec);
    if (spec === undefined || register === null) return null;
    const firmware = spec.dma_coherent === true;
    const truth = snoops(k, dev) === true;
    if (firmware === truth && register === truth) return null;
    const says = (coherent: boolean) => (coherent ? 'coherent' : 'not coherent');
    const message =
      `the table walks of ${dev} are ${says(truth)}; firmware says ${says(firmware)}, ` +
      `its id register ${says(register)}`;
    return { message, values: { wired: truth, firmware, register } };
  },
};
