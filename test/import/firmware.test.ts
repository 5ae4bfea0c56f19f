// A log together with its board's devicetree: what the log does not say, firmware does.
import { describe, expect, it } from 'vitest';
import { foldAll } from '../../src/engine/history.ts';
import { importLog } from '../../src/import/import.ts';
import { readFirmware } from '../../src/model/firmware/firmware.ts';
import { blobOf, type Source } from '../model/firmware/blob.ts';

const smmu = (phandle: number, at: number): Source => ({
  ...{ compatible: 'arm,mmu-500', reg: [at, 1], '#iommu-cells': [1], phandle: [phandle] },
});

const BOARD = blobOf({
  '#address-cells': [1],
  '#size-cells': [1],
  'clock@100': { compatible: 'x,clock', reg: [0x100, 1], '#clock-cells': [0], phandle: [1] },
  'iommu@5000000': smmu(2, 0x5000000),
  'iommu@6000000': { ...smmu(3, 0x6000000), 'dma-coherent': null },
  'dma@1000': { compatible: 'x,dma', reg: [0x1000, 1], iommus: [3, 7], clocks: [1] },
  'gpu@2000': { compatible: 'x,gpu', reg: [0x2000, 1], iommus: [2, 8] },
  'usb@3000': { compatible: 'x,usb', reg: [0x3000, 1], status: 'disabled' },
  'pcie@4000': {
    ...{ compatible: 'pci-host-ecam-generic', device_type: 'pci', reg: [0x4000, 1] },
    'iommu-map': [0, 3, 0x10, 0x1000],
    'ethernet@0,0': { compatible: 'x,nic', reg: [0, 0, 0, 0, 0], 'dma-coherent': null },
    'ethernet@1,0': { compatible: 'x,nic', reg: [0x800, 0, 0, 0, 0] },
  },
});

const LOG = `
[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.000000] Machine model: A board
[    0.300000] arm-smmu 5000000.iommu: probing hardware configuration...
[    0.400000] arm-smmu 6000000.iommu: probing hardware configuration...
[    0.500000] PCI host bridge to bus 0000:00
[    0.510000] pci 0000:00:00.0: [1957:e100] type 00 class 0x020001
[    0.600000] xdma 1000.dma: Adding to iommu group 0
[    0.700000] xusb 3000.usb: Adding to iommu group 1
[    0.800000] fsl_enetc 0000:00:00.0: Adding to iommu group 1
[    1.000000] Run /init as init process
`;

function imported(withFirmware: boolean, text = LOG) {
  const firmware = withFirmware ? readFirmware(BOARD, 'b.dtb') : null;
  const options = { name: 'log', version: null, config: {}, patches: {}, machine: null, firmware };
  const { trace } = importLog(new TextEncoder().encode(text.trim()), options);
  return { devices: foldAll(trace.events).devices, machine: trace.header.machine };
}

describe('a log and the devicetree of its board', () => {
  const { devices, machine } = imported(true);
  const spec = (name: string) => machine.devices.find((one) => one.name === name);

  it('say which of two IOMMUs a device is behind, where the log alone does not', () => {
    expect(devices['1000.dma']?.fwspec?.iommu).toBe('6000000.iommu');
    expect(imported(false).devices['1000.dma']).toBeUndefined();
    expect(spec('6000000.iommu')?.dma_coherent).toBe(true);
    expect(spec('5000000.iommu')?.dma_coherent).toBe(false);
  });

  it('bind silent suppliers, and no device behind an IOMMU that joined no group', () => {
    expect(devices['100.clock']).toMatchObject({ bound: true, driver: 'silent-driver' });
    expect(devices['1000.dma']).toMatchObject({ bound: true, driver: 'xdma' });
    expect(devices['2000.gpu']).toMatchObject({ bound: false, iommu_group: null });
  });

  it('hang functions below the host bridge of firmware, as the log describes them', () => {
    expect(spec('pci0000:00')).toBeUndefined();
    expect(spec('0000:00:00.0')).toMatchObject({
      ...{ parent: '4000.pcie', dma_coherent: true },
      pci: { vendor: 0x1957, device: 0xe100, class: 0x020001 },
    });
    expect(devices['0000:00:00.0']?.fwspec).toMatchObject({ iommu: '6000000.iommu', ids: [0x10] });
  });

  it('leave out a function that the log would show, and switch on what is at work', () => {
    expect(spec('0000:00:01.0')).toBeUndefined();
    expect(spec('3000.usb')?.disabled).toBeUndefined();
    const silent = imported(true, LOG.replace(/^.*(?:pci 0|enetc|xusb).*\n/gm, ''));
    const kept = silent.machine.devices.find(({ name }) => name === '0000:00:01.0');
    expect(kept).toMatchObject({ parent: '4000.pcie' });
    expect(silent.machine.devices.find(({ name }) => name === '3000.usb')?.disabled).toBe(true);
  });
});

it('a device that waits, nobody knows with which driver, waits with the one that firmware names', () => {
  const board = blobOf({
    ...{ '#address-cells': [1], '#size-cells': [1] },
    'iommu@9': smmu(3, 9),
    'keys@1': { compatible: 'gpio-keys', reg: [1, 1], iommus: [3, 1] },
    'keys@2': { compatible: 'gpio-keys', reg: [2, 1] },
  });
  const text = `
[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.400000] arm-smmu 9.iommu: probing hardware configuration...
[    0.600000] gpio-keys 1.keys: Adding to iommu group 0
[    1.000000] Run /init as init process
[   11.000000] platform 2.keys: deferred probe pending`;
  const firmware = readFirmware(board, 'b.dtb');
  const options = { name: 'log', version: null, config: {}, patches: {}, machine: null, firmware };
  const { trace, divergences } = importLog(new TextEncoder().encode(text.trim()), options);
  expect(foldAll(trace.events).devices['1.keys']).toMatchObject({ driver: 'gpio-keys' });
  expect(foldAll(trace.events).devices['2.keys']).toMatchObject({ bound: false });
  expect(divergences).toEqual([]);
});

it('two functions with one stream are behind a bridge that asks for both', () => {
  const text = `
[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.000000] Machine model: A board
[    0.300000] arm-smmu-v3 9050000.smmuv3: ias 44-bit, oas 44-bit (features 0x00000f05)
[    0.500000] pci-host-generic 4000.pcie: PCI host bridge to bus 0000:00
[    0.510000] pci 0000:00:02.0: [1b36:000e] type 01 class 0x060400
[    0.520000] pci 0000:01:01.0: [8086:100e] type 00 class 0x020000
[    0.530000] pci 0000:01:02.0: [8086:100e] type 00 class 0x020000
[    0.540000] pci 0000:00:02.0: PCI bridge to [bus 01]
[    0.700000] e1000 0000:01:01.0: Adding to iommu group 0
[    0.710000] e1000 0000:01:02.0: stream 256 already in tree from dev 0000:01:01.0
[    1.000000] Run /init as init process`;
  const options = { name: 'log', version: null, config: {}, patches: {}, machine: null };
  const { trace, divergences } = importLog(new TextEncoder().encode(text.trim()), options);
  const type = (dev: string) =>
    trace.header.machine.devices.find(({ name }) => name === dev)?.pci?.pcie;
  expect([type('0000:00:02.0'), type('0000:01:01.0')]).toEqual(['pcie-to-pci', null]);
  const { devices } = foldAll(trace.events);
  expect(devices['0000:01:01.0']?.iommu_group).toBe(0);
  expect(devices['0000:01:02.0']?.iommu_group).toBeNull();
  expect(divergences).toEqual([]);
});

it('a virtio-iommu is below the function that firmware names', () => {
  const board = blobOf({
    '#address-cells': [1],
    '#size-cells': [1],
    'pcie@4000': {
      ...{ compatible: 'pci-host-ecam-generic', device_type: 'pci', reg: [0x4000, 1] },
      'iommu-map': [0, 5, 0, 8, 9, 5, 9, 0xfff7],
      'virtio_iommu@1,0': {
        ...{ compatible: 'virtio,pci-iommu', '#iommu-cells': [1], phandle: [5] },
        reg: [0x800, 0, 0, 0, 0],
      },
    },
  });
  const text = `
[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.500000] pci-host-generic 4000.pcie: PCI host bridge to bus 0000:00
[    0.510000] pci 0000:00:01.0: [1af4:1057] type 00 class 0x080600
[    0.510000] pci 0000:00:02.0: [8086:10d3] type 00 class 0x020000
[    0.700000] virtio_iommu virtio0: input address: 64 bits
[    0.800000] e1000e 0000:00:02.0: Adding to iommu group 0
[    1.000000] Run /init as init process`;
  const firmware = readFirmware(board, 'b.dtb');
  const options = { name: 'log', version: null, config: {}, patches: {}, machine: null, firmware };
  const { trace, divergences } = importLog(new TextEncoder().encode(text.trim()), options);
  const { devices } = foldAll(trace.events);
  expect(devices['virtio0']).toMatchObject({ parent: '0000:00:01.0', bound: true });
  expect(devices['0000:00:02.0']?.fwspec?.iommu).toBe('0000:00:01.0');
  expect(divergences).toEqual([]);
});
