// What happens in the middle of a boot happens there in the run, too, and a run of the header's inputs
// has the same events.
import { describe, expect, it } from 'vitest';
import { followChoices, runAll } from '../../src/engine/run.ts';
import { importLog } from '../../src/import/import.ts';

const OPTIONS = { name: 'log', version: null, config: {}, patches: {}, machine: null };
const imported = (text: string) => importLog(new TextEncoder().encode(text), OPTIONS);

/** Two functions behind VT-d; the first reads where nothing is mapped while the drivers come. */
const HEAD = `[    0.000000] Linux version 6.1.0 (a@b) (gcc) #1 SMP
[    0.100000] DMAR: Host address width 46
[    0.100001] DMAR: DRHD base: 0x000000fed90000 flags: 0x1
[    0.100002] DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap d2008c40660462 ecap f050da
[    0.150000] iommu: Default domain type: Translated
[    0.150001] iommu: DMA domain TLB invalidation policy: strict mode
[    0.150002] PCI host bridge to bus 0000:00
[    0.200000] pci 0000:00:01.0: [8086:10d3] type 00 class 0x020000
[    0.200001] pci 0000:00:02.0: [8086:10d3] type 00 class 0x020000
[    0.300000] DMAR: dmar0: Using Queued invalidation
[    0.400000] pci 0000:00:01.0: Adding to iommu group 0
[    0.400001] pci 0000:00:02.0: Adding to iommu group 1
`;
const FAULT = `[    0.500000] DMAR: DRHD: handling fault status reg 2
[    0.500001] DMAR: [DMA Read NO_PASID] Request device [00:01.0] fault addr 0xf4000 [fault reason 0x06] PTE Read access is not set
`;
const TAIL = `[    0.600000] e1000e: probe of 0000:00:02.0 failed with error -5
`;

const strip = ({
  event,
  task,
  stack,
}: {
  event: object;
  task: string;
  stack: readonly string[];
}) => ({
  event,
  task,
  stack,
});

describe('a fault while drivers come', () => {
  const { trace, divergences, faults } = imported(HEAD + FAULT + TAIL);
  const at = (of: (event: { type: string }) => boolean) =>
    trace.events.findIndex(({ event }) => of(event));

  it('is in the run before the line that the log has behind it', () => {
    expect(divergences).toEqual([]);
    expect(faults.map(({ isReplayed }) => isReplayed)).toEqual([true]);
    const began = trace.events.findIndex(
      ({ event }) => event.type === 'task.started' && event.stimulus.do === 'meanwhile',
    );
    const failed = trace.events.findIndex(
      ({ event }) => event.type === 'printk' && event.text.includes('failed with error -5'),
    );
    expect(began).toBeGreaterThan(at(({ type }) => type === 'group.joined'));
    expect(began).toBeLessThan(failed);
    expect(trace.events[began]?.line).toBe(14);
  });

  it('stands in the header before the boot, with the line that it comes before', () => {
    expect(trace.header.stimuli.map((one) => one.do)).toEqual(['meanwhile', 'boot']);
    expect(trace.header.stimuli[0]).toMatchObject({
      line: 'e1000e: probe of 0000:00:02.0 failed with error -5',
      nth: 1,
      step: { do: 'dma', dev: '0000:00:01.0', addr: 0xf4000, write: false },
    });
  });

  it('comes again where the header is run without the log', () => {
    const { machine, kernel, stimuli, choices } = trace.header;
    const run = runAll({ machine, kernel }, stimuli, { choose: followChoices(choices) });
    expect(run.scheduler.events.map(strip)).toEqual(trace.events.map(strip));
  });

  it('comes at the end where the line is never printed', () => {
    const { machine, kernel, stimuli } = trace.header;
    const drivers = machine.drivers.map((driver) => ({ ...driver, outcomes: {} }));
    const run = runAll({ machine: { ...machine, drivers }, kernel }, stimuli);
    const texts = run.scheduler.events.flatMap(({ event }) =>
      event.type === 'task.started' ? [event.stimulus.do] : [],
    );
    expect(texts).toEqual(['boot', 'meanwhile']);
  });
});

const SMMU = `[    0.000000] Linux version 6.1.0 (a@b) (gcc) #1 SMP
[    0.000001] Machine model: Board
[    0.100000] arm-smmu 12000000.iommu: probing hardware configuration...
[    0.100001] arm-smmu 12000000.iommu: SMMUv2 with:
`;
const join = (drv: string, dev: string, group: number) =>
  `[    1.${String(group).padStart(6, '0')}] ${drv} ${dev}: Adding to iommu group ${group}\n`;

describe('drivers and devices', () => {
  it('come in the order in which the log shows them join groups', () => {
    const text =
      SMMU +
      join('sdhci-tegra', '3440000.mmc', 0) +
      join('tegra-xusb', '3530000.usb', 1) +
      join('tegra-pcie', '10003000.pcie', 2);
    expect(imported(text).divergences).toEqual([]);
  });

  it('appear late where another driver came between', () => {
    const text =
      SMMU +
      join('sdhci-tegra', '3440000.mmc', 0) +
      join('tegra-xusb', '3530000.usb', 1) +
      join('sdhci-tegra', '3400000.mmc', 2);
    const { divergences, trace } = imported(text);
    expect(divergences).toEqual([]);
    expect(trace.header.machine.boot).toContainEqual({ step: 'device', dev: '3400000.mmc' });
  });
});

it('a group whose number is passed over is that of the function whose line was lost', () => {
  const pci = (n: number) => `[    0.2] pci 0000:00:0${n}.0: [8086:10d3] type 00 class 0x020000\n`;
  const text = HEAD.replace('pci 0000:00:02.0: Adding', 'pc 0000:00:0').concat(
    '[    0.400002] pci 0000:00:03.0: Adding to iommu group 2\n',
  );
  const lines = text.replace(
    '[    0.300000]',
    `${pci(3).replace('0.2]', '0.200002]')}[    0.300000]`,
  );
  const { trace, divergences } = imported(lines);
  const joined = trace.events.flatMap(({ event }) =>
    event.type === 'group.joined' ? [[event.dev, event.group]] : [],
  );
  expect(joined).toEqual([
    ['0000:00:01.0', 0],
    ['0000:00:02.0', 1],
    ['0000:00:03.0', 2],
  ]);
  expect(divergences.map(({ observed }) => observed)).toEqual(['no such line']);
});
