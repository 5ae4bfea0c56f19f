// What the drivers of IOMMUs print of one refused transaction, each in its own form, is read as the
// same thing; the reasons that they print are left out.
import { expect, it } from 'vitest';
import { parseLog } from '../../src/import/format.ts';
import { recognise } from '../../src/import/recognise.ts';
import { refusedDma } from '../../src/import/refused-dma.ts';

function read(...lines: readonly string[]) {
  const text = lines.map((line) => `[    1.000000] ${line}\n`).join('');
  const { records } = parseLog(new TextEncoder().encode(text));
  return refusedDma(records.flatMap((record) => recognise(record) ?? [])).map(
    ({ observation, ...dma }) => ({ line: observation.record.line, ...dma }),
  );
}

const V3 = 'arm-smmu-v3 9050000.smmuv3:';
const V2 = 'arm-smmu 5000000.iommu:';

it.each([
  [
    "an SMMU v3's record of a read",
    [
      `${V3} event 0x10 received:`,
      `${V3} \t0x0000020000000010`,
      `${V3} \t0x0000000800000000`,
      `${V3} \t0x0000000000000024`,
      `${V3} \t0x0000000000000000`,
    ],
    { iommu: '9050000.smmuv3', id: 0x200, dev: null, addr: 0x24, write: false },
  ],
  [
    "an SMMU v3's record of a write",
    [
      `${V3} event 0x10 received:`,
      `${V3} \t0x0000000800000010`,
      `${V3} \t0x0000000000000000`,
      `${V3} \t0x00000000fffff000`,
      `${V3} \t0x0000000000000000`,
    ],
    { iommu: '9050000.smmuv3', id: 8, dev: null, addr: 0xfffff000, write: true },
  ],
  [
    'a record without an address',
    [
      `${V3} event 0x02 received:`,
      `${V3} \t0x0000020000000002`,
      `${V3} \t0x0000000000000000`,
      `${V3} \t0x0000000000000000`,
      `${V3} \t0x0000000000000000`,
    ],
    { iommu: '9050000.smmuv3', id: 0x200, dev: null, addr: 0, write: false },
  ],
  [
    'a record in words',
    [
      `${V3} event: F_TRANSLATION client: 0000:01:00.0 sid: 0x100 ssid: 0x0 iova: 0xdead0000 ipa: 0x0`,
      `${V3} unpriv data write s1 "Input address caused fault" stag: 0x0`,
    ],
    { iommu: '9050000.smmuv3', id: 0x100, dev: null, addr: 0xdead0000, write: true },
  ],
  [
    'a record in words without an address',
    [`${V3} event: C_BAD_STREAMID client: (unassigned sid) sid: 0x42 ssid: 0x0`],
    { iommu: '9050000.smmuv3', id: 0x42, dev: null, addr: 0, write: false },
  ],
  [
    'a fault of a context bank',
    [`${V2} Unhandled context fault: fsr=0x402, iova=0x80001000, fsynr=0x10, cbfrsynra=0x8, cb=0`],
    { iommu: '5000000.iommu', id: 8, dev: null, addr: 0x80001000, write: true },
  ],
  [
    'a stream that an SMMU does not know',
    [
      `${V2} Blocked unknown Stream ID 0x42; boot with "arm-smmu.disable_bypass=0" to allow, but this may have security implications`,
      `${V2} \tGFSR 0x80000002, GFSYNR0 0x00000002, GFSYNR1 0x00000042, GFSYNR2 0x00000000`,
    ],
    { iommu: '5000000.iommu', id: 0x42, dev: null, addr: 0, write: true },
  ],
  [
    'a fault of VT-d',
    [
      'DMAR: DRHD: handling fault status reg 2',
      'DMAR: [DMA Write NO_PASID] Request device [03:00.0] fault addr 0xbdf6f000 [fault reason 0x05] PTE Write access is not set',
    ],
    { iommu: null, id: null, dev: '0000:03:00.0', addr: 0xbdf6f000, write: true },
  ],
  [
    'a fault of VT-d as 5.4 has it',
    [
      'DMAR: [DMA Read] Request device [02:00.0] PASID ffffffff fault addr bdf83000 [fault reason 06] PTE Read access is not set',
    ],
    { iommu: null, id: null, dev: '0000:02:00.0', addr: 0xbdf83000, write: false },
  ],
  [
    'a fault of AMD-Vi',
    [
      'xhci_hcd 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=0xffa02000 flags=0x0020]',
    ],
    { iommu: null, id: null, dev: '0000:01:00.0', addr: 0xffa02000, write: true },
  ],
  [
    'a fault of a virtio-iommu',
    ['virtio_iommu virtio0: page fault from EP 16 at 0xfffff000 [R]'],
    { iommu: 'virtio0', id: 16, dev: null, addr: 0xfffff000, write: false },
  ],
])('%s', (_, lines, expected) => {
  const first = lines.findIndex((line) => !line.includes('handling')) + 1;
  expect(read(...lines)).toEqual([{ line: first, ...expected }]);
});

it('keeps the lines of two IOMMUs apart', () => {
  const one = [`${V3} event 0x10 received:`, `${V3} \t0x0000000800000010`];
  const other = `${V2} Unhandled context fault: fsr=0x402, iova=0x1000, fsynr=0x0, cbfrsynra=0x1, cb=0`;
  const rest = ['0x0000000800000000', '0x0000000000000004', '0x0000000000000000'];
  const found = read(...one, other, ...rest.map((word) => `${V3} \t${word}`));
  expect(found.map(({ iommu, addr }) => [iommu, addr])).toEqual([
    ['5000000.iommu', 0x1000],
    ['9050000.smmuv3', 4],
  ]);
});

it.each([
  ['a record that ends early', [`${V3} event 0x10 received:`, `${V3} \t0x0000000800000010`]],
  ['words without a record', [`${V3} \t0x0000000800000010`, `${V3} \t0x0000000800000000`]],
  [
    'an address that no number holds exactly',
    [
      'DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0xfffffffffffff000 [fault reason 0x06] PTE Read access is not set',
    ],
  ],
])('says nothing of %s', (_, lines) => {
  expect(read(...lines)).toEqual([]);
});

it('takes a record of an SMMU v3 and what says it again in words for one', () => {
  const once = (sid: number) => [
    `${V3} event 0x10 received:`,
    `${V3} \t0x${sid.toString(16).padStart(8, '0')}00000010`,
    `${V3} \t0x0000000000000000`,
    `${V3} \t0x0000000000001000`,
    `${V3} \t0x0000000000000000`,
    `${V3} event: F_TRANSLATION client: 0000:01:00.0 sid: 0x${sid.toString(16)} ssid: 0x0 iova: 0x1000 ipa: 0x0`,
    `${V3} unpriv data write s1 "Input address caused fault" stag: 0x0`,
  ];
  const words = once(3).slice(5);
  const found = read(...once(1), ...once(2), ...words);
  expect(found.map(({ line, id, addr, write }) => [line, id, addr, write])).toEqual([
    [1, 1, 0x1000, true],
    [8, 2, 0x1000, true],
    [15, 3, 0x1000, true],
  ]);
});
