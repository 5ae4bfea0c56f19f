// Devices of firmware that a log puts into groups are there and in those groups, whatever else the log
// says of them.
import { expect, it } from 'vitest';
import { importLog } from '../../src/import/import.ts';

const LOG = `[    0.000000] Linux version 6.1.10 (x@y)
[    0.400000] arm-smmu 15000000.iommu: probing hardware configuration...
[    0.500000] bam-dma-engine 1dc4000.dma: Adding to iommu group 0
[    0.600000] tegra-bpmp bpmp: Adding to iommu group 1
[    0.700000] platform AMDI0040:00: Adding to iommu group 2
[    0.800000] qcrypto 1dfa000.crypto: Adding to iommu group 0
`;

function imported(text: string) {
  const options = { name: 'log', version: null, config: {}, patches: {}, machine: null };
  const { trace } = importLog(new TextEncoder().encode(text), options);
  const joined = trace.events.flatMap(({ event }) =>
    event.type === 'group.joined' ? [[event.dev, event.group] as const] : [],
  );
  return { devices: trace.header.machine.devices, joined: Object.fromEntries(joined) };
}

it('by their driver, or by the bus that stands before their name', () => {
  expect(imported(LOG).joined).toEqual({
    ...{ '1dc4000.dma': 0, bpmp: 1, 'AMDI0040:00': 2, '1dfa000.crypto': 0 },
  });
});

it('with one stream where they share a group, and with their own where not', () => {
  const streams = imported(LOG).devices.flatMap(({ iommus = [] }) =>
    iommus.flatMap(({ ids }) => ids),
  );
  expect(streams).toHaveLength(4);
  expect(new Set(streams).size).toBe(3);
});

it('and an object of the management complex, which is not in the log itself', () => {
  const { joined, devices } = imported(LOG.replace('tegra-bpmp bpmp', 'fsl_mc_allocator dpbp.1'));
  expect(joined).toMatchObject({ 'dpbp.1': 1 });
  expect(devices.filter(({ bus }) => bus === 'fsl-mc')).not.toEqual([]);
});
