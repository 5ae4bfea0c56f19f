import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  describeEvent,
  describeRecorded,
  documentEvent,
  eventTypes,
} from '../../src/events/describe.ts';
import { EVENT_SHAPES } from '../../src/events/event-shape.ts';
import { aRecorded } from './arbitrary.ts';

it('says what a kernel engineer wants to read', () => {
  expect(describeEvent({ type: 'dma.configured', dev: '0000:01:00.0', ret: 0 })).toBe(
    '0000:01:00.0: dma_configure returned 0',
  );
  expect(describeEvent({ type: 'owner.used', dev: '0000:01:00.0', group: 1, ret: -16 })).toBe(
    'group 1: iommu_device_use_default_domain(0000:01:00.0) = -EBUSY',
  );
  expect(describeEvent({ type: 'printk', level: 'err', text: 'a\nb\u001b[0m', dev: null })).toBe(
    'kernel says (err): a\\nb\\x1b[0m',
  );
  expect(
    describeEvent({ type: 'fwspec.set', dev: 'a', iommu: '9050000.smmuv3', ids: [8, 256] }),
  ).toBe('a: fwspec set: IOMMU 9050000.smmuv3, ids 0x8 0x100');
});

it('names a container once, and tells an exit status from an errno', () => {
  for (const container of ['container vfio-user-13', 'vfio-user-13'])
    expect(describeEvent({ type: 'vfio.container_set', group: '1', container })).toBe(
      'VFIO group 1: put into container vfio-user-13',
    );
  expect(describeEvent({ type: 'task.finished', ret: 3 })).toBe('task ends, exit status 3');
  expect(describeEvent({ type: 'task.finished', ret: -22 })).toBe('task ends with -EINVAL');
  expect(describeEvent({ type: 'task.finished', ret: 0 })).toBe('task ends');
});

it('places an event in its run', () => {
  const place = {
    event: { type: 'dma.cleaned', dev: '0000:01:00.0' },
    task: 'modprobe e1000e',
    stack: ['driver_attach', 'really_probe'],
  } as const;
  const none = { line: null, timeUs: null };
  expect(describeRecorded({ ...place, origin: 'implied', ...none }, 17)).toBe(
    '#17 0000:01:00.0: dma_cleanup (modprobe e1000e, really_probe)',
  );
  expect(describeRecorded({ ...place, origin: 'observed', line: 40, timeUs: 25_260_001 }, 17)).toBe(
    '#17 [25.260001] 0000:01:00.0: dma_cleanup (modprobe e1000e, really_probe) (line 40)',
  );
  expect(describeRecorded({ ...place, origin: 'assumed', line: 40, timeUs: 1 }, 17)).toBe(
    '#17 [0.000001] 0000:01:00.0: dma_cleanup (modprobe e1000e, really_probe) (assumed after line 40)',
  );
  expect(describeRecorded({ ...place, origin: 'assumed', ...none }, 17)).toContain('(assumed)');
  const worker = { ...place, task: 'deferred_probe_work', stack: [], origin: 'implied' } as const;
  expect(describeRecorded({ ...worker, ...none }, 17)).toBe(
    '#17 0000:01:00.0: dma_cleanup (deferred_probe_work_func)',
  );
});

it('documents every type in one sentence, in the order of the vocabulary', () => {
  expect(eventTypes()).toEqual(Object.keys(EVENT_SHAPES));
  for (const type of eventTypes()) expect(documentEvent(type)).toMatch(/^[A-Za-z_]+ [^\n]*\.$/);
});

it('is one line for any event', () => {
  fc.assert(
    fc.property(aRecorded, fc.nat(), (recorded, n) => {
      expect(describeRecorded(recorded, n)).toMatch(/^#[^\p{Cc}\u2028\u2029]+$/u);
    }),
  );
});
