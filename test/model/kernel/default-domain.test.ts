// Tests which default domain a group gets: by the command line, by what drivers and trust demand, and
// by what IOMMU drivers have.
import { describe, expect, it } from 'vitest';
import { type Run, runAll } from '../../../src/engine/run.ts';
import type { DeviceSpec, KernelSpec, Machine, PciFunction } from '../../../src/events/machine.ts';
import { BOOT, kernel } from '../small-machine.ts';

const printed = (run: Run): readonly string[] =>
  run.scheduler.events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));

const GPU = '0000:01:00.0';
const SOUND = '0000:01:00.1';

/** A graphics card with two functions, without ACS, behind a port and VT-d. */
function withGraphics(external_facing: boolean): Machine {
  const pci = (over: Partial<PciFunction>): PciFunction => ({
    ...{ vendor: 0x8086, device: 1, class: 0x030000, header: 0, multifunction: true },
    ...{ pcie: 'endpoint', acs_capable: false, acs_enabled: false },
    ...over,
  });
  const device = (name: string, parent: string | null, over: Partial<DeviceSpec>): DeviceSpec => ({
    ...{ name, bus: 'pci', parent, ids: [] },
    ...over,
  });
  const bridge = pci({ class: 0x060400, header: 1, multifunction: false, pcie: 'root-port' });
  const port = { ...bridge, acs_capable: true, acs_enabled: true };
  return {
    firmware: 'acpi',
    devices: [
      device('dmar0', null, { bus: '', iommu_kind: 'intel' }),
      device('pci0000:00', null, {
        bus: '',
        iommu_map: [{ rid_base: 0, iommu: 'dmar0', sid_base: 0, length: 0x10000 }],
      }),
      device('0000:00:01.0', 'pci0000:00', { pci: port, external_facing }),
      device(GPU, '0000:00:01.0', { pci: pci({}) }),
      device(SOUND, '0000:00:01.0', { pci: pci({ class: 0x040300 }) }),
    ],
    drivers: [],
    modules: [],
    boot: [{ step: 'populate' }, { step: 'iommu', iommu: 'dmar0' }, { step: 'late_initcall' }],
  };
}

function boot(over: Partial<KernelSpec>, external = false): Run {
  return runAll({ machine: withGraphics(external), kernel: kernel(over) }, [BOOT]);
}

const domains = (run: Run) => Object.values(run.state.groups).map((g) => g.default_domain);

describe('the command line', () => {
  it.each([
    ['', 'DMA', 'Translated '],
    ['iommu.passthrough=1', 'identity', 'Passthrough (set via kernel command line)'],
    ['iommu=pt', 'identity', 'Passthrough (set via kernel command line)'],
    ['iommu.strict=0', 'DMA-FQ', 'Translated '],
  ])('%s makes default domains of type %s', (cmdline, type, words) => {
    const run = boot({ cmdline });
    expect(domains(run)).toEqual([type, type]);
    expect(printed(run)).toContain(`iommu: Default domain type: ${words}`);
  });
});

describe('what a driver demands', () => {
  it.each(['6.1', '6.5'])('holds for the whole group on %s', (version) => {
    const run = boot({ version, cmdline: 'intel_iommu=igfx_off' });
    expect(run.state.groups[1]?.devices).toEqual([GPU, SOUND]);
    expect(domains(run)).toEqual(['DMA', 'identity']);
  });
});

describe('a port that faces the outside', () => {
  it('has translated devices below it, whatever the default', () => {
    expect(domains(boot({ cmdline: 'iommu.passthrough=1' }, true))).toEqual(['identity', 'DMA']);
  });

  it('overrules the driver of its IOMMU without a word on 6.1', () => {
    const run = boot({ version: '6.1', cmdline: 'intel_iommu=igfx_off' }, true);
    expect(domains(run)).toEqual(['DMA', 'DMA']);
  });

  it('cannot be below an IOMMU whose driver demands otherwise since 6.5', () => {
    const run = boot({ version: '6.5', cmdline: 'intel_iommu=igfx_off' }, true);
    const words = 'driver is overriding group 1 to Passthrough, refusing to probe.';
    expect(printed(run)).toContain(`pci ${SOUND}: Device is not trusted, but ${words}`);
    expect(run.state.iommus).toEqual([]);
  });
});

describe('an IOMMU driver without the type', () => {
  function virtio(version: string): Run {
    const machine: Machine = {
      firmware: 'devicetree',
      devices: [
        platform('a000000.virtio_mmio', { ids: ['virtio,mmio'], creates: [VIOMMU] }),
        platform('eth', { ids: ['eth'], iommus: [{ iommu: 'a000000.virtio_mmio', ids: [8] }] }),
      ],
      drivers: [driver('virtio-mmio', 'virtio,mmio'), VIOMMU_DRIVER, driver('eth', 'eth')],
      modules: [],
      boot: [],
    };
    const config = { IOMMU_DEFAULT_DMA_LAZY: 'y' };
    return runAll({ machine, kernel: kernel({ version, config }) }, [BOOT]);
  }
  const platform = (name: string, over: Partial<DeviceSpec>): DeviceSpec => ({
    ...{ name, bus: 'platform', parent: null, ids: [] },
    ...over,
  });
  const driver = (name: string, id: string) => ({
    ...{ name, bus: 'platform', module: null, ids: [id], driver_managed_dma: false },
    ...{ suppress_bind_attrs: false, probe_type: 'default' as const },
  });
  const VIOMMU = platform('virtio0', {
    bus: 'virtio',
    ids: ['virtio'],
    iommu_kind: 'virtio-iommu',
  });
  const VIOMMU_DRIVER = { ...driver('virtio_iommu', 'virtio'), bus: 'virtio' };

  it.each([
    ['6.1', 'DMA', 1],
    ['6.12', 'DMA-FQ', 0],
  ])('on %s gives %s', (version, type, lines) => {
    const run = virtio(version);
    expect(domains(run)).toEqual([type]);
    const text = 'iommu: Failed to allocate default IOMMU domain of type 11 for group (null)';
    expect(printed(run).filter((line) => line.startsWith(text))).toHaveLength(lines);
  });
});
