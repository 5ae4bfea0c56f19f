// Faults that a log shows: whose they were, and what the model makes of them.
import { describe, expect, it } from 'vitest';
import { importLog } from '../../src/import/import.ts';
import { recognise } from '../../src/import/recognise.ts';

const NOTHING = { level: null, caller: null, subsystem: null, device: null };
const seen = (text: string) =>
  recognise({ line: 1, timeUs: 1, text, boot: 0, replay: false, ...NOTHING });

const importText = (text: string) =>
  importLog(new TextEncoder().encode(text), {
    name: 'log',
    version: null,
    config: {},
    patches: {},
    machine: null,
  });

/** A guest of QEMU, as far as it says what IOMMU it has. */
const LOG = `\
[    0.000000] Linux version 6.1.0-56-amd64 (debian-kernel@lists.debian.org) #1 SMP
[    0.000000] Command line: console=ttyS0 intel_iommu=on
[    0.284979] DMAR: IOMMU enabled
[    0.484995] DMAR: Host address width 39
[    0.485221] DMAR: DRHD base: 0x000000fed90000 flags: 0x0
[    0.486588] DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap d2008c22260286 ecap f00f4e
[    0.486847] DMAR: ATSR flags: 0x1
[    0.487433] DMAR-IR: IOAPIC id 0 under DRHD base  0xfed90000 IOMMU 0
[    0.497009] DMAR-IR: Enabled IRQ remapping in xapic mode
[    1.588260] iommu: Default domain type: Translated
[    1.588270] iommu: DMA domain TLB invalidation policy: lazy mode
[    1.700000] PCI host bridge to bus 0000:00
[    1.710000] pci 0000:00:03.0: [8086:10d3] type 00 class 0x020000
[    1.848957] DMAR: No RMRR found
[    1.849114] DMAR: No SATC found
[    1.849489] DMAR: dmar0: Using Queued invalidation
[    1.849927] DMAR: VT-d Scalable Mode not enabled, no PASID allocation
[    1.850643] DMAR: IOMMU batching disallowed due to virtualization
[    1.900000] pci 0000:00:03.0: Adding to iommu group 0
[    1.932276] DMAR: Intel(R) Virtualization Technology for Directed I/O
`;
const FAULT = `\
[   99.100000] DMAR: DRHD: handling fault status reg 2
[   99.100100] DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr 0xfffe0000 [fault reason 0x05] PTE Write access is not set
`;

describe('a line of a fault', () => {
  it.each([
    [
      'DMAR: [DMA Write NO_PASID] Request device [03:00.0] fault addr 0xfffe0000 [fault reason 0x05] PTE Write access is not set',
      '0000:03:00.0',
    ],
    [
      'DMAR: [DMA Read] Request device [02:00.0] PASID ffffffff fault addr bdf83000 [fault reason 06] PTE Read access is not set',
      '0000:02:00.0',
    ],
    [
      'AMD-Vi: Event logged [IO_PAGE_FAULT device=0001:05:00.0 domain=0x0000 address=0x1000 flags=0x0020]',
      '0001:05:00.0',
    ],
    [
      'amdgpu 0000:05:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000c address=0xfffffe0000 flags=0x0020]',
      '0000:05:00.0',
    ],
    [
      'DMAR: [INTR-REMAP] Request device [f0:1f.7] fault index 0x0 [fault reason 0x22] Present field in the IRTE entry is clear',
      '0000:f0:1f.7',
    ],
  ])('is about a function: %s', (text, dev) => {
    expect(seen(text)).toMatchObject({ kind: 'iommu.fault', dev });
  });

  it('is no proof that there is one', () => {
    const { trace } = importText(`${LOG}${FAULT.replace('00:03.0', '91:00.1')}`);
    const names = trace.header.machine.devices.map(({ name }) => name);
    expect(names).toContain('0000:00:03.0');
    expect(names).not.toContain('0000:91:00.1');
    expect(trace.events.some(({ event }) => event.type === 'dma.issued')).toBe(false);
  });
});

describe('a log with a fault', () => {
  it('has the device do what the line says, in its group', () => {
    const { trace, divergences } = importText(LOG + FAULT);
    expect(divergences).toEqual([]);
    const at = trace.events.findIndex(({ event }) => event.type === 'dma.issued');
    expect(trace.events[at]).toMatchObject({
      line: 22,
      event: { dev: '0000:00:03.0', iommu: 'dmar0', group: 0, domain: 'DMA', write: true },
    });
    const prints = trace.events.flatMap(({ event, origin }) =>
      event.type === 'printk' && event.level === 'err' ? [[event.text, origin]] : [],
    );
    expect(prints).toEqual([
      ['DMAR: DRHD: handling fault status reg 2', 'observed'],
      [
        'DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr 0xfffe0000 [fault reason 0x05] PTE Write access is not set',
        'observed',
      ],
    ]);
  });

  it('contradicts a model that lets the device pass', () => {
    const passes = `${LOG}${FAULT}`.replace('intel_iommu=on', 'intel_iommu=on iommu=pt');
    const { divergences } = importText(passes);
    expect(divergences.map(({ observed }) => observed)).toContainEqual(
      expect.stringContaining('Request device [00:03.0]'),
    );
  });
});

describe('the VT-d units of a log', () => {
  it('have the registers that the kernel printed', () => {
    const { trace } = importText(LOG);
    const { machine } = trace.header;
    expect(machine.dmar).toEqual({ width: 39, atsr: [1] });
    expect(machine.devices.find(({ name }) => name === 'dmar0')?.vtd).toEqual({
      base: '0xfed90000',
      include_all: false,
      ver: '1:0',
      cap: '0xd2008c22260286',
      ecap: '0xf00f4e',
      ioapics: [0],
    });
    const text = trace.events.flatMap(({ event, origin }) =>
      event.type === 'printk' && origin === 'observed' ? [event.text] : [],
    );
    for (const line of LOG.split('\n').filter((one) => one.includes('DMAR')))
      expect(text).toContain(line.slice(15));
  });

  it('are unknown where a line of one is missing', () => {
    const { trace } = importText(LOG.replace(/^.*DRHD base: 0x0.*\n/m, ''));
    expect(trace.header.machine.devices.find(({ name }) => name === 'dmar0')?.vtd).toBeUndefined();
    expect(trace.header.machine.dmar).toBeUndefined();
  });

  // As on a Dell T440, 5.10: a unit of which nothing is said later translates for no device.
  it('may translate for nothing', () => {
    const other = `\
[    0.486588] DMAR: DRHD base: 0x000000fed91000 flags: 0x1
[    0.486589] DMAR: dmar1: reg_base_addr fed91000 ver 1:0 cap d2008c22260286 ecap f00f4e
`;
    const { trace } = importText(LOG.replace(/(?<=dmar0: reg_base_addr.*\n)/, other));
    const unused = trace.header.machine.devices.flatMap(({ name, vtd }) =>
      vtd?.unused === true ? [name] : [],
    );
    expect(unused).toEqual(['dmar1']);
  });

  // HP DL388p, 5.4: what firmware uses, where the kernel mapped it for one device of a group.
  it('map what firmware uses', () => {
    const text = `\
[    1.900001] pci 0000:00:03.0: Using iommu dma mapping
[    1.900002] pci 0000:00:03.1: Adding to iommu group 0
[    1.900003] pci 0000:00:03.1: DMAR: Setting identity map [0xe8000 - 0xe8fff]
[    1.900004] pci 0000:00:03.1: DMAR: Setting identity map [0xf4000 - 0xf4fff]
[    1.900005] pci 0000:00:03.1: DMAR: Device uses a private dma domain.
`;
    const { trace } = importText(LOG.replace(/(?<=iommu group 0\n)/, text));
    const reserved = (dev: string) =>
      trace.header.machine.devices.find(({ name }) => name === dev)?.reserved;
    expect(reserved('0000:00:03.0')).toEqual([{ type: 'direct', via: 'rmrr' }]);
    expect(reserved('0000:00:03.1')).toEqual([
      { type: 'direct', via: 'rmrr', start: 0xe8000, length: 0x1000 },
      { type: 'direct', via: 'rmrr', start: 0xf4000, length: 0x1000 },
    ]);
  });
});
