// Isolation of PCI functions, which a log shows by its groups only.
import { describe, expect, it } from 'vitest';
import { type Imported, importLog } from '../../src/import/import.ts';

const BOOT = `[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.000000] Machine model: linux,dummy-virt
[    0.000000] Kernel command line: quiet
[    0.754974] pci-host-generic 4010000000.pcie: host bridge /pcie@10000000 ranges:
[    0.772357] pci-host-generic 4010000000.pcie: PCI host bridge to bus 0000:00
[    0.774332] pci 0000:00:02.0: [1b36:000c] type 01 class 0x060400
[    0.828391] pci 0000:02:00.0: [1b36:0010] type 00 class 0x010802
[    0.883272] pci 0000:00:02.0: PCI bridge to [bus 02]
[    1.281647] Run /init as init process
[    3.493613] reprobe-action: 1: modprobe virtio_iommu
[    4.092920] virtio_iommu virtio1: input address: 64 bits
[    4.093000] pcieport 0000:00:02.0: Adding to iommu group 0
[    4.094000] nvme 0000:02:00.0: Adding to iommu group 0
`;
const AGAIN = `[    6.000000] reprobe-action: 2: echo 1 > /sys/bus/pci/devices/0000:00:02.0/remove
[    6.100000] pci 0000:02:00.0: Removing from iommu group 0
[    6.200000] pci 0000:00:02.0: Removing from iommu group 0
[    7.000000] reprobe-action: 3: echo 1 > /sys/bus/pci/rescan
[    7.100000] pci 0000:00:02.0: [1b36:000c] type 01 class 0x060400
[    7.200000] pci 0000:02:00.0: [1b36:0010] type 00 class 0x010802
[    7.300000] pcieport 0000:00:02.0: Adding to iommu group 0
[    7.400000] nvme 0000:02:00.0: Adding to iommu group 1
`;

function imported(text: string): Imported {
  const nothing = { version: null, config: {}, patches: {}, machine: null };
  return importLog(new TextEncoder().encode(text), { name: 'log', ...nothing });
}

const acsOf = ({ trace }: Imported) => {
  const { pci } = trace.header.machine.devices.find(({ name }) => name === '0000:00:02.0') ?? {};
  return [pci?.acs_capable, pci?.acs_enabled];
};

describe('ACS of a bridge', () => {
  it('is not there where all groups are shared', () => {
    const log = imported(BOOT);
    expect(log.divergences).toEqual([]);
    expect(acsOf(log)).toEqual([false, false]);
  });

  it('is off at boot and on after a rescan where the groups say so', () => {
    const log = imported(BOOT + AGAIN);
    expect(log.divergences).toEqual([]);
    expect(acsOf(log)).toEqual([true, false]);
  });

  it('is on where no group is shared', () => {
    const apart = BOOT.replace(
      'nvme 0000:02:00.0: Adding to iommu group 0',
      'nvme 0000:02:00.0: Adding to iommu group 1',
    );
    const log = imported(apart);
    expect(log.divergences).toEqual([]);
    expect(acsOf(log)).toEqual([true, true]);
  });
});

describe('an IOMMU of the virtio bus', () => {
  it('is driven by its driver, and its clients leave the deferred list for it', () => {
    const events = imported(BOOT).trace.events.map(({ event }) => event);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'iommu.registered', iommu: 'virtio1' }),
    );
    const at = (type: string) =>
      events.findIndex(
        (event) => event.type === type && 'dev' in event && event.dev === '0000:02:00.0',
      );
    expect(at('deferred.added')).toBeGreaterThan(0);
    expect(at('group.joined')).toBeGreaterThan(at('deferred.added'));
  });
});
