// The endpoints of a virtio-iommu, and what its driver prints.
import { describe, expect, it } from 'vitest';
import type { VirtioIommuUnit } from '../../../src/events/iommu-units.ts';
import type { DeviceSpec } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { EINVAL } from '../../../src/model/errno.ts';
import { virtioIommuOps } from '../../../src/model/kernel/virtio-iommu.ts';
import { runScenario } from '../scenario-run.ts';
import { stepsOf } from '../steps-of.ts';

const NAME = 'a-card-behind-a-virtio-iommu-reads';
const VIOMMU = '0000:00:03.0';
const NIC = '0000:00:04.0';
const NIC_ENDPOINT = 0x20;
const DISPLAY = '0000:00:05.0';

type Run = ReturnType<typeof runScenario>;
const prints = (run: Run): readonly string[] =>
  run.scheduler.events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));
const withUnit =
  (unit: VirtioIommuUnit) =>
  (spec: DeviceSpec): DeviceSpec =>
    spec.viommu === undefined ? spec : { ...spec, viommu: { ...spec.viommu, ...unit } };
const reads = (dev: string, addr: number): Stimulus => ({
  do: 'dma',
  dev,
  addr,
  write: false,
  cacheable: true,
});
const run = (unit: VirtioIommuUnit = {}, more: readonly Stimulus[] = []): Run =>
  runScenario(NAME, { device: withUnit(unit), more });

describe('a virtio-iommu', () => {
  // Of a guest under 5.4: `virtio_iommu virtio0: input address: 64 bits`.
  it('says how wide its addresses are and which pages it maps', () => {
    expect(prints(run())).toEqual(
      expect.arrayContaining([
        'virtio_iommu virtio0: input address: 64 bits',
        'virtio_iommu virtio0: page mask: 0xfffffffffffff000',
      ]),
    );
    const small = { input_bits: 39, page_size_mask: '0x40201000' };
    expect(prints(run(small))).toEqual(
      expect.arrayContaining([
        'virtio_iommu virtio0: input address: 39 bits',
        'virtio_iommu virtio0: page mask: 0x40201000',
      ]),
    );
  });

  it.each([[{ map_unmap: false }], [{ page_size_mask: '0x0' }]])('is refused with %o', (unit) => {
    const { state } = run(unit);
    expect(state.devices['virtio0']?.bound).toBe(false);
    expect(state.viommus).toEqual({});
  });
});

describe('memory behind a virtio-iommu', () => {
  const USER = 'a-user-behind-a-virtio-iommu-maps-memory';
  const maps = (unit: VirtioIommuUnit, ...iovas: readonly number[]) => {
    const more = iovas.map((iova) => {
      const call = { call: 'MAP_DMA', dev: null, iova, size: 0x1000 } as const;
      return { do: 'vfio_ioctl', hold: 'guest', ...call } as const;
    });
    const steps = 10;
    const ran = runScenario(USER, { device: withUnit(unit), more });
    return iovas.map((_, i) => {
      const end = ran.scheduler.endOf(ran.taskOf(steps + i));
      return end.kind === 'returned' ? end.ret : end.kind;
    });
  };

  it('leaves out the window for interrupts, its own or the one of the driver', () => {
    const [own, drivers] = [0x8090000, 0x8001000];
    expect(maps({}, own, drivers)).toEqual([-EINVAL, -EINVAL]);
    const msi = { base: '0x8090000', end: '0x809ffff' };
    expect(maps({ msi }, own, drivers, 0x80a0000)).toEqual([-EINVAL, 0, 0]);
  });
});

describe('an endpoint', () => {
  it('is attached with its device, and detached as the device goes', () => {
    expect(run().state.viommus[VIOMMU]).toEqual({
      endpoints: { [NIC_ENDPOINT]: 'translate' },
    });
    const gone: Stimulus[] = [{ do: 'remove', dev: NIC }];
    expect(run({}, gone).state.viommus[VIOMMU]?.endpoints).toEqual({ [NIC_ENDPOINT]: null });
    const kept = runScenario(NAME, { patches: { viommu_detach_on_release: false }, more: gone });
    expect(kept.state.viommus[VIOMMU]?.endpoints).toEqual({ [NIC_ENDPOINT]: 'translate' });
  });

  it('bypasses on an identity domain', () => {
    const passed = runScenario('viommu-endpoints-bypass-after-rmmod');
    const does = passed.scheduler.events.flatMap(({ event }) =>
      event.type === 'viommu.endpoint_written' ? [[event.id, event.does]] : [],
    );
    expect(does).toContainEqual([0x10, 'bypass']);
  });

  it('is forgotten when the device is reset', () => {
    const { state } = runScenario('viommu-endpoints-bypass-after-rmmod');
    expect(state.viommus).toEqual({
      'a003e00.virtio_mmio': { endpoints: {} },
    });
  });

  it('faults where nothing is mapped, and says neither read nor write', () => {
    expect(prints(run({}, [reads(NIC, 0xffff0000)])).at(-1)).toBe(
      `virtio_iommu virtio0: page fault from EP ${NIC_ENDPOINT} at 0xffff0000 []`,
    );
  });

  it('that was never attached is not known, where it may not pass', () => {
    const blocked = run();
    expect(blocked.state.last_dma[DISPLAY]?.result).toBe('faulted');
    expect(prints(blocked).at(-1)).toBe(
      'virtio_iommu virtio0: unknown fault from EP 40 at 0x1000 []',
    );
    const open = run({ bypass: true });
    expect(open.state.last_dma[DISPLAY]?.result).toBe('bypassed');
    expect(prints(open).some((text) => text.includes('fault from EP 40'))).toBe(false);
  });

  it.each([
    ['entry', '', 'domain'],
    ['permission', 'R', 'page'],
  ] as const)('is told of with why: %s', (why, flags, reason) => {
    const { kernel } = run();
    const iommu = VIOMMU;
    const fault = { iommu, dev: NIC, id: NIC_ENDPOINT, addr: 0x1000, write: false, why };
    const path = virtioIommuOps.report_fault?.(kernel, fault);
    const steps = path === undefined ? [] : stepsOf(path);
    const text = `virtio_iommu virtio0: ${reason} fault from EP 32 at 0x1000 [${flags}]`;
    expect(steps).toContainEqual(expect.objectContaining({ type: 'printk', text }));
  });
});
