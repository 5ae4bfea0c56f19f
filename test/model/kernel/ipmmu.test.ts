// Contexts and micro-TLBs of IPMMUs, and what their driver prints.
import { describe, expect, it } from 'vitest';
import type { DeviceSpec } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { runScenario } from '../scenario-run.ts';

type Run = ReturnType<typeof runScenario>;
const prints = (run: Run): readonly string[] =>
  run.scheduler.events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));

const MAIN = 'e67b0000.iommu';
const [FIRST, SECOND] = ['e6740000.iommu', 'e7740000.iommu'];

describe('the contexts of IPMMUs', () => {
  // Renesas RZ/G2H, 5.8: two IPMMUs, each with two devices, and a main one with the contexts.
  it('are those of one among them, which keeps the first', () => {
    const run = runScenario('ipmmu-contexts-suffice');
    expect(run.state.ipmmus[MAIN]?.contexts).toEqual({
      1: { group: 0, domain: 'DMA' },
      2: { group: 1, domain: 'DMA' },
      3: { group: 2, domain: 'DMA' },
    });
    expect(run.state.ipmmus[FIRST]?.utlbs).toEqual({ 0: 1, 1: 1, 16: 1 });
    expect(run.state.ipmmus[SECOND]?.utlbs).toEqual({ 0: 2 });
    expect(run.state.iommus.map(({ name }) => name)).not.toContain(MAIN);
  });

  it('are told of as a device joins the group, and once more', () => {
    const lines = prints(runScenario('ipmmu-contexts-suffice')).filter(
      (text) =>
        / e6[78]00000\.\w+|IPMMU context 0/.test(text) && /IPMMU context|iommu group/.test(text),
    );
    expect(lines).toEqual([
      'ipmmu-vmsa e67b0000.iommu: IPMMU context 0 is reserved',
      'rcar-dmac e6700000.dma-controller: Adding to iommu group 0',
      'rcar-dmac e6700000.dma-controller: Using IPMMU context 1',
      'ravb e6800000.ethernet: Reusing IPMMU context 1',
      'ravb e6800000.ethernet: Adding to iommu group 0',
      'ravb e6800000.ethernet: Reusing IPMMU context 1',
    ]);
  });

  it('start from 0 where none is reserved, and are own ones without a main IPMMU', () => {
    const device = ({ ipmmu: _, contexts: __, ...spec }: DeviceSpec): DeviceSpec => spec;
    const run = runScenario('ipmmu-contexts-suffice', { device });
    expect(run.state.ipmmus[FIRST]?.contexts).toEqual({ 0: { group: 0, domain: 'DMA' } });
    expect(run.state.ipmmus[SECOND]?.contexts).toEqual({ 0: { group: 1, domain: 'DMA' } });
    expect(run.state.ipmmus[MAIN]).toBeUndefined();
  });

  it('are used up', () => {
    const run = runScenario('ipmmu-contexts-are-used-up');
    expect(Object.keys(run.state.ipmmus[MAIN]?.contexts ?? {})).toEqual(['1', '2']);
    const attached = run.scheduler.events.filter(
      ({ event }) => event.type === 'ipmmu.utlb_written' && event.iommu === 'fd800000.iommu',
    );
    expect(attached).toEqual([]);
    expect(run.state.devices['fd000000.display']?.iommu_group).toBeNull();
  });

  it('go with the group, whose micro-TLBs are switched off', () => {
    const unbind: Stimulus = { do: 'unbind', bus: 'platform', drv: 'ipmmu-vmsa', dev: SECOND };
    const NAME = 'ipmmu-takes-only-devices-it-knows';
    const { ipmmus } = runScenario(NAME).state;
    expect(ipmmus[MAIN]?.contexts).toEqual({ 1: { group: 0, domain: 'DMA' } });
    expect(ipmmus[SECOND]?.utlbs).toEqual({ 32: 1 });
    const gone = runScenario(NAME, { more: [unbind] }).state;
    expect(gone.devices['ee100000.mmc']?.iommu_group).toBeNull();
    expect(gone.ipmmus[MAIN]?.contexts).toEqual({});
    expect(gone.ipmmus[SECOND]?.utlbs).toEqual({});
  });
});

describe('the devices that the driver takes', () => {
  const NAME = 'ipmmu-takes-only-devices-it-knows';

  it.each([
    ['all', 0, 0],
    ['listed', 0, null],
    ['none', null, null],
  ] as const)('are %s', (takes, card, network) => {
    const device = (spec: DeviceSpec): DeviceSpec =>
      spec.ipmmu?.takes === undefined ? spec : { ...spec, ipmmu: { ...spec.ipmmu, takes } };
    const { state } = runScenario(NAME, { device });
    expect(state.devices['ee100000.mmc']?.iommu_group).toBe(card);
    expect(state.devices['e6800000.ethernet']?.iommu_group).toBe(network);
    expect(state.last_dma['e6800000.ethernet']?.result).toBe(
      takes === 'all' ? 'faulted' : 'bypassed',
    );
  });
});
