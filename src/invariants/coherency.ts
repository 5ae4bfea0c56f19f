/** Coherency: that VFIO takes what is coherent and no other, and that nobody errs about SMMUs. */
import type { Facts } from '../model/context.ts';
import { coherentByRegister } from '../model/hardware/smmu-registers.ts';
import { dev_is_dma_coherent, snoops } from '../model/kernel/property.ts';
import { type Breach, devicesOf, type Invariant } from './invariant.ts';

/** The devices of the VFIO groups in a container. */
function devicesIn(container: string, k: Facts): readonly string[] {
  return Object.values(k.state.vfio.groups).flatMap((group) =>
    group.container === container ? group.devices : [],
  );
}

/** Can the device reach memory that its user mapped? */
function isMapped(dev: string, k: Facts): boolean {
  const group = Object.values(k.state.vfio.groups).find(({ devices }) => devices.includes(dev));
  const container = group?.container ?? null;
  return container !== null && k.state.io_mappings.some(({ domain }) => domain === container);
}

/**
 * INV-COH. Silent of devices of which nobody knows whether their DMA is coherent: those of a log.
 */
export const coherency: Invariant = {
  id: 'vfio-takes-what-snoops-and-no-other',
  code: 'INV-COH',
  harm: 'corruption',
  claim:
    'VFIO refuses no device whose DMA is coherent with the caches, and maps memory for no other.',
  subsystem: 'vfio',
  when: 'always',
  watches: ['driver.probed', 'vfio.dma_mapped', 'iommu.unmapped'],
  subjects: (event, k) => {
    if (event.type === 'vfio.dma_mapped') return devicesIn(event.container, k);
    return event.type === 'iommu.unmapped' ? devicesIn(event.domain, k) : devicesOf(event, k);
  },
  name: (subject) => subject,
  suspects: [
    'smmu_client_coherency_fallback',
    'smmu_truthful_coherency',
    'vfio_requires_coherency',
    'vfio_device_capable',
    'smmu_client_unless_noncoherent',
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

/** INV-STALE. Silent of devices of which nobody knows whether their DMA is coherent. */
export const stale: Invariant = {
  id: 'what-passes-the-caches-is-flushed',
  code: 'INV-STALE',
  harm: 'corruption',
  claim:
    "What a device reads or writes past the CPU's caches is memory that the kernel cleans from them.",
  subsystem: 'dma mapping',
  when: 'always',
  watches: ['dma.issued'],
  subjects: devicesOf,
  name: (subject) => subject,
  suspects: ['vfio_requires_coherency', 'smmu_truthful_coherency'],
  check(dev, k) {
    const last = k.state.last_dma[dev];
    // A device that is wired to the caches and asks not to look has a driver that knows of it.
    if (last?.snooped !== false || snoops(k, dev) !== false) return null;
    const who = isMapped(dev, k)
      ? 'its user cannot flush'
      : (last.cache ?? dev_is_dma_coherent(k, dev))
        ? 'nobody flushes, since firmware calls it coherent'
        : null;
    if (who === null) return null;
    const addr = `0x${last.addr.toString(16)}`;
    const what = last.write ? 'writes' : 'reads';
    const message = `${dev} ${what} at ${addr} past the caches, which ${who}`;
    return { message, values: { addr, write: last.write, snooped: false } };
  },
};

/**
 * INV-FWHW. Silent of SMMUs whose id register nobody told of, those of a log, until they do not see what
 * is mapped.
 */
export const wiring: Invariant = {
  id: 'smmu-is-wired-as-firmware-and-register-say',
  code: 'INV-FWHW',
  harm: 'firmware',
  claim:
    "Firmware and an SMMU's id register say of its table walks what is true: coherent, or not.",
  subsystem: 'iommu driver',
  when: 'always',
  watches: ['driver.probed', 'iommu.map_unseen'],
  subjects: (event, k) => (event.type === 'iommu.map_unseen' ? [event.iommu] : devicesOf(event, k)),
  name: (subject) => subject,
  suspects: [],
  check(dev, k) {
    const spec = k.state.devices[dev]?.spec;
    if (spec === undefined) return null;
    const register = coherentByRegister(spec);
    if (register === null) return unseenMapping(dev, k);
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

/** A mapping that the table walks do not see, for firmware has the kernel leave it in the caches. */
function unseenMapping(dev: string, k: Facts): Breach | null {
  const unseen = k.state.io_mappings.find(({ unseen_by }) => unseen_by === dev);
  if (unseen === undefined) return null;
  const start = `0x${unseen.start.toString(16)}`;
  const message =
    `the table walks of ${dev} are not coherent, firmware says that they are, and what is mapped ` +
    `at ${start} stays in the caches, where they do not look`;
  return { message, values: { wired: false, firmware: true, domain: unseen.domain, start } };
}
