// Firmware as a file: boards that boot, and logs, scenarios and traces with such a machine.
import { describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { blobOf } from '../model/firmware/blob.ts';
import { component, iortOf, rootComplex, smmu } from '../model/firmware/iort-table.ts';
import { document, file, log, pathOf, reprobe, sane, trace } from './program.ts';

vi.setConfig({ testTimeout: 60_000, maxConcurrency: 8 });

const board = file(
  'board.dtb',
  blobOf({
    ...{ '#address-cells': [1], '#size-cells': [1], model: 'A board' },
    'iommu@5000000': {
      ...{ compatible: 'arm,mmu-500', reg: [0x5000000, 1], '#iommu-cells': [1], phandle: [2] },
    },
    'iommu@6000000': {
      ...{ compatible: 'x,iommu', reg: [0x6000000, 1], '#iommu-cells': [0], phandle: [3] },
    },
    'iommu@7000000': {
      ...{ compatible: 'arm,mmu-500', reg: [0x7000000, 1], '#iommu-cells': [1], phandle: [4] },
      status: 'disabled',
    },
    'dma@1000': { compatible: 'x,dma', reg: [0x1000, 1], iommus: [2, 7] },
    'vpu@2000': { compatible: 'x,vpu', reg: [0x2000, 1], iommus: [3] },
    'gpu@3000': { compatible: 'x,gpu', reg: [0x3000, 1], iommus: [4, 1] },
    'off@4000': { compatible: 'x,off', reg: [0x4000, 1], iommus: [2, 8], status: 'disabled' },
    dsp: { compatible: 'x,dsp', cb: { compatible: 'x,cb', iommus: [2, 9] } },
    'pcie@8000': {
      ...{ compatible: 'x,pcie', device_type: 'pci', reg: [0x8000, 1], 'iommu-map': [0, 2, 16, 1] },
      'nic@0,0': { compatible: 'x,nic', reg: [0, 0, 0, 0, 0] },
      'nic@1,0': { compatible: 'x,nic', reg: [0x800, 0, 0, 0, 0] },
    },
    'pcie@9000': {
      ...{ compatible: 'x,pcie', device_type: 'pci', reg: [0x9000, 1], 'iommu-map': [0, 2, 32, 1] },
    },
  }),
);
const iort = file(
  'IORT',
  iortOf([
    smmu(3, 2, 1),
    component('\\_SB.DMA0', [{ out: 7, to: 0, single: true }]),
    rootComplex(0, [{ count: 0x100, out: 0x100, to: 0 }]),
  ]),
);

describe.concurrent('run', () => {
  it('boots a board and says what became of each device behind an IOMMU', async ({ expect }) => {
    const { status, json } = await document('run', board);
    expect(status).toBe(EXIT.holds);
    const why = (text: string) => expect.stringContaining(text);
    expect(json).toMatchObject({
      ok: true,
      routes: [
        { device: '1000.dma', iommu: '5000000.iommu', group: 0, why: null },
        { device: '2000.vpu', why: why('the model has no driver for its IOMMU 6000000.iommu') },
        { device: '3000.gpu', why: 'its IOMMU 7000000.iommu is disabled' },
        { device: '4000.off', why: "its status is 'disabled'" },
        { device: '9000.pcie', why: why('firmware does not say what that is') },
        { device: '0000:00:00.0', iommu: '5000000.iommu', group: 1 },
        {
          device: '0000:00:01.0',
          why: why('no row of the iommu-map of 8000.pcie covers its id 0x8'),
        },
        { device: '/dsp/cb', iommu: '5000000.iommu', why: why('the model has none: dsp (x,dsp)') },
      ],
    });
    const { stdout } = await reprobe('run', board);
    expect(stdout).toMatch(/^1000\.dma +5000000\.iommu +0$/m);
    expect(stdout).toContain('8 devices behind IOMMUs: 2 in 2 groups, 6 in none');
  });

  it('boots an IORT', async ({ expect }) => {
    const { json } = await document('run', iort);
    expect(json).toMatchObject({
      routes: [
        { device: 'DMA0', iommu: 'arm-smmu.0.auto', group: 0 },
        { device: 'pci0000:00', group: null },
      ],
    });
  });

  it('does not blame a board for circles that the kernel breaks', async ({ expect }) => {
    const path = file(
      'circle.dtb',
      blobOf({
        ...{ '#address-cells': [1], '#size-cells': [1] },
        'clock@1': {
          compatible: 'x,a',
          reg: [1, 1],
          '#clock-cells': [0],
          phandle: [1],
          clocks: [2],
        },
        'clock@2': {
          compatible: 'x,b',
          reg: [2, 1],
          '#clock-cells': [0],
          phandle: [2],
          clocks: [1],
        },
      }),
    );
    const { status, json } = await document('run', path);
    expect(status).toBe(EXIT.holds);
    const way = expect.stringMatching(/kernel breaks: [12].clock -> [12].clock -> [12].clock$/);
    expect(json).toMatchObject({ ok: true, warnings: [way] });
  });

  it('prints what the kernel prints, under another kernel too', async ({ expect }) => {
    const { stdout } = await reprobe('run', board, '--dmesg', '--kernel', '6.12');
    expect(stdout).toContain('unnamed-client 1000.dma: Adding to iommu group 0');
  });

  it.each([
    ['cut off', 'cut.dtb', Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed, 0, 0), /at byte 0x[0-9a-f]+: /],
    ['empty but for its name', 'cut-IORT', new TextEncoder().encode('IORT'), /at byte 0x/],
  ])('refuses a blob that is %s, with the place', async (_, name, bytes, message) => {
    const path = file(name, bytes);
    const { status, stderr } = await reprobe('run', path);
    expect(status).toBe(EXIT.fatal);
    expect(stderr).toMatch(message);
    expect(stderr).toContain(name);
  });
});

describe.concurrent('a board is a source', () => {
  it.each([
    ['replay', ['--to', '5']],
    ['show', ['--at', '5']],
    ['bisect', []],
    ['whatif', ['--kernel', '6.12']],
  ])('of %s', async (command, flags) => {
    const { status, stdout } = await reprobe(command, board, ...flags);
    expect(status).toBe(EXIT.holds);
    expect(stdout).not.toBe('');
  });

  it('and the machine of a scenario, by its path from there', async ({ expect }) => {
    const path = file(
      'from.yaml',
      `name: from\nkernel: '6.1'\nmachine: { from: board.dtb }\nsteps: [boot]\nexpect:\n  - group: { dev: 1000.dma, is: 0 }\n`,
    );
    expect((await reprobe('run', path)).stdout).toMatch(/^ok {2}from/);
    const lost = file('lost.yaml', `name: x\nkernel: '6.1'\nmachine: { from: no.dtb }\n`);
    const { status, stderr } = await reprobe('run', lost);
    expect(status).toBe(EXIT.fatal);
    expect(stderr).toContain('no.dtb');
    const device = file('device.yaml', `name: x\nkernel: '6.1'\nmachine: { from: /dev/zero }\n`);
    expect((await reprobe('run', device)).stderr).toContain('it is no plain file');
  });
});

describe.concurrent('--machine', () => {
  const joined = file(
    'joined.txt',
    [
      'Linux version 6.1.0 (x@y) (gcc) #1 SMP',
      'arm-smmu 5000000.iommu: probing hardware configuration...',
      'xdma 1000.dma: Adding to iommu group 0',
    ]
      .map((text, i) => `[    ${i}.000000] ${text}\n`)
      .join(''),
  );

  it.each([
    ['import', []],
    ['bisect', []],
    ['replay', []],
    ['show', ['--at', '3']],
    ['whatif', ['--kernel', '6.12']],
  ])('of %s takes a devicetree', async (command, flags) => {
    const { json } = await document(command, joined, '--machine', board, ...flags);
    expect(json).not.toHaveProperty('error');
  });

  it('tells a log what it does not say', async ({ expect }) => {
    const { json } = await document('replay', joined, '--machine', board);
    const fwspec = { iommu: '5000000.iommu', ids: [7] };
    expect(json).toMatchObject({ final: { devices: { '1000.dma': { fwspec, iommu_group: 0 } } } });
  });

  it('makes a trace that reads back', async ({ expect }) => {
    const out = pathOf('board.jsonl');
    await reprobe('import', joined, '--machine', board, '-o', out);
    expect((await document('replay', out)).json).toMatchObject({
      final: { devices: { '1000.dma': { iommu_group: 0 } } },
    });
  });

  it.each([
    ['a scenario', sane],
    ['a trace', trace],
  ])('is refused for %s, which has one', async (what, path) => {
    const { status, stderr } = await reprobe('replay', path, '--machine', board);
    expect(status).toBe(EXIT.usage);
    expect(stderr).toContain(`${what} has its own machine`);
  });

  it('is still written by hand', async ({ expect }) => {
    const path = file('by-hand.yaml', 'machine:\n  from: board.dtb\n');
    expect((await reprobe('import', log, '--machine', path)).status).toBe(0);
  });
});
