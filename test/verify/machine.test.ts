import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../src/error.ts';
import type { DeviceSpec, Machine } from '../../src/events/machine.ts';
import { type Table, tableOf } from '../../src/events/table.ts';
import { LINK_ORDER } from '../../src/model/firmware/link-order.ts';
import { matchesAny } from '../../src/model/firmware/modalias.ts';
import { deriveMachine } from '../../src/verify/machine.ts';
import { readSession, type Session } from '../../src/verify/session.ts';
import { TRACES } from '../corpora.ts';
import { blobOf } from '../model/firmware/blob.ts';

/** A folder with these files. */
function filesOf(texts: Readonly<Record<string, string>>): Table<Uint8Array> {
  const encoder = new TextEncoder();
  return tableOf(Object.entries(texts).map(([name, text]) => [name, encoder.encode(text)]));
}

const FDT = blobOf({
  '#address-cells': [2],
  '#size-cells': [2],
  'smmuv3@9050000': {
    compatible: 'arm,smmu-v3',
    reg: [0, 0x9050000, 0, 0x20000],
    '#iommu-cells': [1],
    phandle: [1],
  },
  'pcie@10000000': {
    compatible: 'pci-host-ecam-generic',
    device_type: 'pci',
    reg: [0x40, 0x10000000, 0, 0x10000000],
    'iommu-map': [0, 1, 0, 0x10000],
  },
  'virtio_mmio@a000000': { compatible: 'virtio,mmio', reg: [0, 0xa000000, 0, 0x200] },
  'virtio_mmio@a000200': { compatible: 'virtio,mmio', reg: [0, 0xa000200, 0, 0x200] },
  'dev-late': { compatible: 'lab,test', clocks: [9], 'lab,probe-ret': [0xffffffed] },
  'lab-clk': { compatible: 'lab,unknown', '#clock-cells': [0], phandle: [9] },
});

const SMALL = {
  ...filesOf({
    'dmesg.txt': '[    0.000000] Linux version 6.1.192-lab (x) #1\n',
    'proc-cmdline.txt': 'console=ttyAMA0\n',
    'NOTES.md': 'DEBUG_TEST_DRIVER_REMOVE=y, dma_cleanup fix reverted\n',
    'machine-config': 'CONFIG_VFIO=m\nCONFIG_VFIO_PCI_CORE=m\nCONFIG_VFIO_PCI=m\n',
    'machine-drivers.txt': `pci pcieport module= bind=1
platform arm-smmu-v3 module= bind=0
platform pci-host-generic module= bind=0
platform reg-dummy module= bind=1
platform virtio-mmio module= bind=1
gpio gpio_stub_drv module= bind=1
`,
    'sysfs-0.txt': `[devices]
platform/a000200.virtio_mmio bus=platform driver=virtio-mmio iommu_group=-
platform/a000200.virtio_mmio/virtio0 bus=virtio driver=- iommu_group=- id=0x554d4551:0x0002
platform/reg-dummy bus=platform driver=reg-dummy iommu_group=-
`,
    'machine-pci-config.txt': `# 0000:00:00.0\n00081b36\n00000000\n06000000\n`,
    'actions.txt': '5.20 ACTION 1: /sbin/modprobe vfio-pci\n    -> rc=0 (done at 5.34)\n',
  }),
  'machine-fdt.dtb': FDT,
};

describe('what a small session was given', () => {
  const { machine, kernel } = deriveMachine(readSession(SMALL, 'x'));
  it('is its devices, with what hangs from them', () => {
    expect(machine.firmware).toBe('devicetree');
    expect(machine.devices.map(({ name, parent }) => [name, parent])).toEqual([
      ['9050000.smmuv3', null],
      ['4010000000.pcie', null],
      ['a000000.virtio_mmio', null],
      ['a000200.virtio_mmio', null],
      ['dev-late', null],
      ['lab-clk', null],
      ['0000:00:00.0', '4010000000.pcie'],
      ['reg-dummy', null],
    ]);
    const creates = machine.devices[3]?.creates;
    expect(creates?.map(({ name, ids }) => [name, ids])).toEqual([
      ['virtio%d', ['virtio:d00000002v554D4551']],
    ]);
  });

  it('is its drivers, what they answer, and the modules', () => {
    const driver = (name: string) => machine.drivers.find((candidate) => candidate.name === name);
    expect(driver('pci-host-generic')?.suppress_bind_attrs).toBe(true);
    expect(driver('virtio-mmio')?.outcomes).toEqual({ 'a000000.virtio_mmio': [-19] });
    expect(driver('vfio-pci')).toMatchObject({ module: 'vfio_pci', driver_managed_dma: true });
    expect(driver('lab_plat')).toMatchObject({
      outcomes: { 'dev-late': [-19] },
      defers_on: { 'dev-late': ['lab-clk'] },
      defer_reasons: { 'dev-late': 'cannot get clock' },
    });
    expect(machine.modules.map(({ name }) => name)).toEqual([
      'vfio',
      'vfio_pci_core',
      'vfio_pci',
      'lab_probe',
    ]);
  });

  it('is its boot in order, its kernel and what was done', () => {
    expect(machine.boot.map((step) => ('drv' in step ? step.drv : step.step))).toEqual([
      'device',
      'reg-dummy',
      'populate',
      'pcieport',
      'pci-host-generic',
      'virtio-mmio',
      'arm-smmu-v3',
      'late_initcall',
    ]);
    expect(kernel).toEqual({
      version: '6.1',
      release: '6.1.192-lab',
      config: { VFIO: 'm', VFIO_PCI_CORE: 'm', VFIO_PCI: 'm' },
      cmdline: 'console=ttyAMA0',
      patches: { test_remove_dma_cleanup: false },
    });
  });

  it('comes from a twin where the session has no tables', () => {
    const bare = readSession(filesOf({ 'dmesg.txt': '', 'actions.txt': '' }), 'x-verbose');
    const twin = readSession(SMALL, 'x');
    expect(deriveMachine(bare, twin).machine.devices).toHaveLength(8);
    expect(deriveMachine(bare).machine.devices).toEqual([]);
  });
});

it('derives something from any files, or says why not', () => {
  const name = fc.constantFrom(...Object.keys(SMALL), 'cmdline.txt', 'machine-IORT.bin');
  const bytes = fc.oneof(fc.uint8Array(), fc.constantFrom(...Object.values(SMALL)));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, bytes)), (files) => {
      try {
        deriveMachine(readSession({ ...SMALL, ...Object.fromEntries(files) }, 'x'));
      } catch (error) {
        if (!(error instanceof ReprobeError)) throw error;
      }
    }),
  );
});

const hasTraces = existsSync(TRACES);
const folders = hasTraces
  ? readdirSync(TRACES).filter((name) => existsSync(join(TRACES, name, 'dmesg.txt')))
  : [];
if (!hasTraces) it.skip(`recorded sessions are not there: ${TRACES}`, () => {});

function load(name: string): Session {
  const folder = join(TRACES, name);
  const files = readdirSync(folder).map((file): [string, Uint8Array] => {
    const bytes = readFileSync(join(folder, file));
    return [file.replace(/\.gz$/, ''), file.endsWith('.gz') ? gunzipSync(bytes) : bytes];
  });
  return readSession(tableOf(files), name);
}

/** The other recording on the same machine, for a session without tables of its own. */
function twinOf(name: string): Session | null {
  const plain = name.replace(/-verbose$/, '-plain');
  return plain !== name && folders.includes(plain) ? load(plain) : null;
}

const BUSES = ['platform', 'amba', 'pci'];

describe.each(folders)('%s', (name) => {
  const session = load(name);
  const { machine } = deriveMachine(session, twinOf(name));

  it('has every device that the kernel had before the first action, with a driver that matches', () => {
    const specs = new Map(machine.devices.flatMap(withChildren).map((spec) => [spec.name, spec]));
    for (const { name: dev, bus, driver } of session.snapshots['sysfs-0.txt']?.devices ?? []) {
      if (bus === null || !BUSES.includes(bus)) continue;
      const spec = specs.get(dev);
      expect(spec, dev).toBeDefined();
      if (driver === null || spec === undefined) continue;
      const known = machine.drivers.find((drv) => drv.bus === bus && drv.name === driver);
      expect(matchesAny(known?.ids ?? [], spec.ids), `${driver} on ${dev}`).toBe(true);
    }
  });

  it('creates and registers in the order that the log shows', () => {
    const log = (session.dmesg ?? '').split('reprobe-action: ')[0] ?? '';
    const added = found(log, /device: '([^']+)': device_add$/gm);
    const created = machine.devices.map((spec) => spec.name);
    const both = (list: string[]) =>
      list.filter((dev) => added.includes(dev) && isFirmware(machine, dev));
    expect(both(created)).toEqual([...new Set(both(added))]);
    const scanned = found(log, /pci (\w{4}:\w\w:\w\w\.\w): \[\w{4}:\w{4}\] type/g);
    if (scanned.length > 0) expect(created.filter((dev) => scanned.includes(dev))).toEqual(scanned);
    const registered = found(log, /bus: '(\S+': add driver .+)$/gm).map((key) =>
      key.replace("': add driver ", ':'),
    );
    const steps = machine.boot.flatMap((step) =>
      'drv' in step ? [`${step.bus}:${step.drv}`] : [],
    );
    const builtIn = registered.filter((key) => steps.includes(key));
    expect(steps.filter((key) => builtIn.includes(key))).toEqual(builtIn);
  });
});

function withChildren(spec: DeviceSpec): DeviceSpec[] {
  return [spec, ...(spec.creates ?? []).flatMap(withChildren)];
}

/** Made by the devicetree's population: of ACPI devices and of software the order is not known. */
function isFirmware(machine: Machine, dev: string): boolean {
  const spec = machine.devices.find((candidate) => candidate.name === dev);
  if (machine.firmware === 'acpi' || spec === undefined) return false;
  return !machine.boot.some((step) => step.step === 'device' && step.dev === dev);
}

function found(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

it('the link order agrees with every log that shows registrations', () => {
  const place = new Map(LINK_ORDER.map((key, at) => [key, at]));
  for (const name of folders.filter((folder) => folder.includes('61'))) {
    const dmesg = readFileSync(join(TRACES, name, 'dmesg.txt'), 'utf8').split(
      'reprobe-action: ',
    )[0];
    const keys = found(dmesg ?? '', /bus: '(\S+': add driver .+)$/gm)
      .map((key) => place.get(key.replace("': add driver ", ':')))
      .filter((at) => at !== undefined);
    const swaps = keys.filter((at, i) => i > 0 && at < (keys[i - 1] ?? 0)).length;
    expect(swaps, name).toBeLessThanOrEqual(2);
  }
});
