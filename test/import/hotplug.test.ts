// Cards that come and go while a log is written, and a machine that sleeps: what is replayed, and what
// is nothing to the model.
import { describe, expect, it } from 'vitest';
import { foldAll } from '../../src/engine/history.ts';
import { type Imported, importLog } from '../../src/import/import.ts';

const BOOT = `
[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.000000] Machine model: linux,dummy-virt
[    0.000000] Kernel command line: quiet
[    0.500000] arm-smmu-v3 9050000.smmuv3: ias 44-bit, oas 44-bit (features 0x00008305)
[    0.772357] pci-host-generic 4010000000.pcie: PCI host bridge to bus 0000:00
[    0.774332] pci 0000:00:02.0: [1b36:000c] type 01 class 0x060400
[    0.774352] pci 0000:00:03.0: [1b36:000c] type 01 class 0x060400
[    0.828391] pci 0000:02:00.0: [8086:10d3] type 00 class 0x020000
[    0.883272] pci 0000:00:02.0: PCI bridge to [bus 02]
[    0.883274] pci 0000:00:03.0: PCI bridge to [bus 03]
[    0.990000] e1000e 0000:02:00.0: Adding to iommu group 0
[    1.000000] pcieport 0000:00:02.0: Adding to iommu group 1
[    1.000100] pcieport 0000:00:02.0: pciehp: Slot #2 AttnBtn+ PwrCtrl+ MRL-
[    1.000200] pcieport 0000:00:03.0: Adding to iommu group 2
[    1.000300] pcieport 0000:00:03.0: pciehp: Slot #3 AttnBtn+ PwrCtrl+ MRL-
[    1.281647] Run /init as init process`;
const PULLED = `
[   30.000000] pcieport 0000:00:02.0: pciehp: Slot(2): Link Down
[   30.000010] pcieport 0000:00:02.0: pciehp: Slot(2): Card not present
[   30.100000] pci 0000:02:00.0: Removing from iommu group 0`;
const PLUGGED = `
[   45.000000] pcieport 0000:00:03.0: pciehp: Slot(3): Card present
[   45.000010] pcieport 0000:00:03.0: pciehp: Slot(3): Link Up
[   45.100000] pci 0000:03:00.0: [1b36:0010] type 00 class 0x010802
[   45.200000] nvme 0000:03:00.0: Adding to iommu group 0
[   45.300000] nvme nvme0: pci function 0000:03:00.0`;
const SLEPT = `
[   20.000000] PM: suspend entry (deep)
[   20.100000] Filesystems sync: 0.012 seconds
[   20.200000] Freezing user space processes ... (elapsed 0.001 seconds) done.
[   20.400000] printk: Suspending console(s) (use no_console_suspend to debug)
[   20.500000] Disabling non-boot CPUs ...
[   20.600000] psci: CPU1 killed (polled 0 ms)
[   20.700000] Enabling non-boot CPUs ...
[   20.800000] CPU1 is up
[   20.900000] e1000e 0000:02:00.0 eth0: NIC Link is Down
[   21.000000] PM: suspend exit`;

function imported(text: string): Imported {
  const nothing = { version: null, config: {}, patches: {}, machine: null };
  return importLog(new TextEncoder().encode(text.trim()), { name: 'log', ...nothing });
}

const groupsOf = ({ trace }: Imported) =>
  Object.values(foldAll(trace.events).groups).map(({ id, devices }) => [id, devices]);
const stimuli = ({ trace }: Imported) => trace.header.stimuli;

describe('a card', () => {
  it('that is pulled leaves its driver and its group', () => {
    const run = imported(BOOT + PULLED);
    expect(run.divergences).toEqual([]);
    expect(stimuli(run)).toContainEqual({ do: 'plug', dev: '0000:02:00.0', present: false });
    expect(groupsOf(run)).toEqual([
      [1, ['0000:00:02.0']],
      [2, ['0000:00:03.0']],
    ]);
  });

  it('that is plugged in was not there at boot', () => {
    const run = imported(BOOT + PULLED + PLUGGED);
    expect(run.divergences).toEqual([]);
    expect(stimuli(run).filter((one) => one.do === 'plug')).toHaveLength(2);
    expect(groupsOf(run)).toContainEqual([0, ['0000:03:00.0']]);
    const added = run.trace.events.filter(
      ({ event }) => event.type === 'device.added' && event.dev === '0000:03:00.0',
    );
    expect(added.map(({ line }) => line)).toEqual([22]);
  });

  it('whose slot is switched by hand is not plugged beside that', () => {
    const off = `
[   50.000000] reprobe-action: 1: echo 0 > /sys/bus/pci/slots/2/power
[   50.100000] pci 0000:02:00.0: Removing from iommu group 0
[   51.000000] reprobe-action: 2: echo 1 > /sys/bus/pci/slots/2/power
[   51.100000] pcieport 0000:00:02.0: pciehp: Slot(2): Card present
[   51.200000] pcieport 0000:00:02.0: pciehp: Slot(2): Link Up
[   51.300000] pci 0000:02:00.0: [8086:10d3] type 00 class 0x020000
[   51.400000] e1000e 0000:02:00.0: Adding to iommu group 0`;
    const run = imported(BOOT + off);
    expect(run.divergences).toEqual([]);
    expect(stimuli(run).map((one) => one.do)).toEqual(['boot', 'slot_power', 'slot_power']);
  });
});

it('a machine that slept says nothing that the model would not do', () => {
  const [awake, slept] = [imported(BOOT), imported(BOOT + SLEPT)];
  expect(slept.divergences).toEqual([]);
  expect(slept.unrecognised).toEqual([]);
  expect(slept.trace.events.map(({ event }) => event)).toEqual(
    awake.trace.events.map(({ event }) => event),
  );
});

describe('what is on the fsl-mc bus', () => {
  const MC = `
[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.000000] Machine model: SolidRun LX2160A Clearfog
[    1.083284] fsl_mc_bus 80c000000.fsl-mc: MC firmware version: 10.18.0
[    1.091046] fsl_mc_dprc dprc.1: DMA mask not set
[    2.500000] arm-smmu 5000000.iommu: SMMUv2 with:
[    2.578646] fsl_mc_dprc dprc.1: Adding to iommu group 0
[    2.642000] fsl_dpaa2_eth dpni.0: Adding to iommu group 0
[    2.650694] fsl_mc_allocator dpbp.1: Adding to iommu group 0
[    2.874308] fsl_mc_dpio dpio.15: Adding to iommu group 0`;

  it('is in the group of its container', () => {
    const run = imported(MC);
    expect(run.divergences).toEqual([]);
    expect(groupsOf(run)).toEqual([[0, ['dprc.1', 'dpni.0', 'dpbp.1', 'dpio.15']]]);
    const { devices } = foldAll(run.trace.events);
    expect(devices['dpni.0']).toMatchObject({
      bus: 'fsl-mc',
      parent: 'dprc.1',
      driver: 'fsl_dpaa2_eth',
    });
    expect(devices['dprc.1']?.parent).toBe('80c000000.fsl-mc');
  });

  it('is told from a device of the platform of such a name', () => {
    const { trace } = imported(`${MC}\n[    3.000000] lab_plat dpx.1: is fine`);
    const devices = trace.header.machine.devices.flatMap(({ creates = [] }) => creates);
    expect(devices.map(({ name }) => name)).not.toContain('dpx.1');
  });
});
