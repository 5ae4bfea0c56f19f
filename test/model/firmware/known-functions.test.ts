// Tests what the LS1028A's network functions are, which its devicetree does not say, against lines of
// a log of such a board: 6.1-rc8 on a Kontron SMARC-sAL28, posted to the kernel's lists.
import { expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import { readFirmware } from '../../../src/model/firmware/firmware.ts';
import { boardScenario } from '../../../src/scenario/board.ts';
import { blobOf, type Source } from './blob.ts';

const fn = (at: number, compatible: string | null): Source => ({
  reg: [at << 8, 0, 0, 0, 0],
  ...(compatible === null ? {} : { compatible }),
});

const board = (compatible: string): Source => ({
  ...{ '#address-cells': [1], '#size-cells': [1], compatible: ['x,board', compatible] },
  'iommu@5000000': {
    ...{ compatible: 'arm,mmu-500', reg: [0x5000000, 1], '#iommu-cells': [1], phandle: [2] },
  },
  'pcie@1f0000000': {
    ...{ compatible: 'pci-host-ecam-generic', device_type: 'pci', reg: [0xf0000000, 1] },
    ...{ 'iommu-map': [0, 2, 0x17, 0xe], 'bus-range': [0, 0] },
    'ethernet@0,0': fn(0, 'fsl,enetc'),
    'mdio@0,3': fn(3, 'fsl,enetc-mdio'),
    'ethernet-switch@0,5': fn(5, null),
    'rcec@1f,0': fn(0xf8, null),
  },
});

function dmesg(compatible: string): readonly string[] {
  const firmware = readFirmware(blobOf(board(compatible)), 'b.dtb');
  const { machine, kernel, steps } = boardScenario(firmware, 'b.dtb');
  const { events } = runAll({ machine, kernel }, steps, { choices: [] }).trace();
  const lines = events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));
  return lines.filter((text) => /^pci 0|iommu group|iommu-map/.test(text));
}

it('LS1028A: ids, drivers, and a group for each function, in the order of the log', () => {
  expect(dmesg('fsl,ls1028a')).toEqual([
    'pci 0000:00:00.0: [1957:e100] type 00 class 0x020001',
    'pci 0000:00:00.3: [1957:ee01] type 00 class 0x088001',
    'pci 0000:00:00.5: [1957:eef0] type 00 class 0x020801',
    'pci 0000:00:1f.0: [1957:e001] type 00 class 0x080700',
    'OF: /pcie@1f0000000: no iommu-map translation for id 0xf8 on (null)',
    'mscc_felix 0000:00:00.5: Adding to iommu group 0',
    'fsl_enetc 0000:00:00.0: Adding to iommu group 1',
    'fsl_enetc_mdio 0000:00:00.3: Adding to iommu group 2',
  ]);
});

it('another board: nothing is known, so that one slot is one group', () => {
  const groups = dmesg('fsl,other').filter((text) => text.includes('iommu group'));
  expect(groups).toHaveLength(3);
  for (const text of groups) expect(text).toMatch(/Adding to iommu group 0$/);
});
