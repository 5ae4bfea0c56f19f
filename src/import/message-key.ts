/**
 * When two log lines say the same: the key under which a line that the model prints and a line of a
 * real log meet. Numbers that the model cannot know (times, interrupt lines) are not part of it.
 */
import type { EventOf } from '../events/event.ts';
import type { Observation, ObservationKind } from './observation.ts';
import { recognise } from './recognise.ts';

/** A kind of line that the model prints. */
interface PrintedKind {
  /** What must agree beside prefix, device, driver, group and error. */
  readonly compared: readonly string[];
  /** Printed only with dynamic debug or initcall_debug: its absence says nothing. */
  readonly debug: boolean;
  /** The model does not know what the device is called there. */
  readonly anyDevice?: boolean;
  /** All that the line says must agree. */
  readonly whole?: boolean;
}

const always = (...compared: string[]): PrintedKind => ({ compared, debug: false });
const debug = (...compared: string[]): PrintedKind => ({ compared, debug: true });

/** What a log's machine does not tell, its registers, makes these lines: absence says nothing. */
const hardware: PrintedKind = { compared: [], debug: true, whole: true };

const PRINTED: ReadonlyMap<ObservationKind, PrintedKind> = new Map([
  ['iommu.group.added', always()],
  ['iommu.group.removed', always()],
  ['iommu.group.type_refused', always()],
  ['iommu.domain_type', always('type')],
  ['iommu.dma_policy', always('policy')],
  ['iommu.refused', always('sid', 'other')],
  ['iommu.domain_fallback', always()],
  ['iommu.domain_conflict', always()],
  ['iommu.late_probe', always()],
  ['probe.failed', always()],
  ['deferred.timeout', always()],
  ['deferred.pending', always('reason')],
  ['driver.rejected', always()],
  ['pci.hotplug', debug('slot', 'what')],
  ['pci.device', always('vendor', 'device', 'header', 'class')],
  ['pci.host_bridge', always('bus')],
  ['pci.attach_failed', always()],
  ['sysfs.duplicate', always('path')],
  ['iommu.detected', hardware],
  ['iommu.feature', hardware],
  ['iommu.probe_failed', hardware],
  ['iommu.fault', hardware],
  ['iommu.fault_detail', hardware],
  ['iommu.disabled', hardware],
  ['iommu.described', hardware],
  ['iommu.reserved_region', hardware],
  ['iommu.on', hardware],
  ['iommu.off', hardware],
  ['iommu.warning', hardware],
  ['iommu.removed', hardware],
  ['vfio.loaded', always()],
  ['vfio.blocked', always()],
  ['vfio.noiommu_added', always()],
  // Which ids a map covers a log shows by its groups alone, and a path it does not show at all.
  ['firmware.map_missing', { compared: ['id'], debug: true, anyDevice: true }],
  // What links there are a log hardly shows: of these neither presence nor absence says anything.
  ['fwlink.cycle', debug('supplier')],
  ['link.failed', debug('supplier')],
  ['sync_state.pending', debug('consumer')],
  ['sync_state.forced', debug()],
  ['link.created', debug('supplier', 'flags')],
  ['link.dropped', debug('supplier')],
  ['link.relaxed', debug('supplier')],
  ['iommu.setup_failed', debug()],
  ['iommu.group.allocated', debug()],
  ['iommu.group.released', debug()],
  ['probe.rejected', debug()],
  ['probe.deferred', debug()],
  ['probe.waits', debug('supplier')],
  ['probe.matched', debug()],
  ['probe.started', debug()],
  ['probe.bound', debug()],
  ['probe.driver_bound', debug()],
  ['probe.returned', debug()],
  ['probe.async_queued', debug()],
  ['probe.async_done', debug()],
  ['deferred.added', debug()],
  ['deferred.removed', debug()],
  ['deferred.retried', debug()],
  ['deferred.extended', debug('secs')],
  ['device.added', debug()],
  ['device.removed', debug()],
  ['device.bus_added', debug()],
  ['device.bus_removed', debug()],
  ['device.moved', debug()],
  ['device.shutdown', debug()],
  ['driver.registered', debug('bus')],
  ['driver.unregistered', debug('bus')],
]);

/** Is the kind of line printed with debugging switched on only? */
export function isDebug(kind: ObservationKind): boolean {
  return PRINTED.get(kind)?.debug === true;
}

/** Does the kind of line tell of hardware that only some machines describe? */
export function tellsHardware(kind: ObservationKind): boolean {
  return PRINTED.get(kind) === hardware;
}

/** The key of an observation; null for a kind that the model does not print. */
export function keyOf({
  kind,
  prefix,
  dev,
  drv,
  group,
  error,
  fields,
  row,
}: Observation): string | null {
  const printed = PRINTED.get(kind);
  if (printed === undefined) return null;
  const rest =
    printed.whole === true
      ? [row, ...Object.values(fields)]
      : printed.compared.map((name) => fields[name] ?? '');
  const who = printed.anyDevice === true ? null : dev;
  return [kind, prefix, who, drv, group, error, ...rest].map((part) => part ?? '-').join(' ');
}

/** A printed line as the recogniser sees it. */
export function observePrintk({ text, level }: EventOf<'printk'>): Observation | null {
  return recognise({
    line: 0,
    timeUs: null,
    level,
    caller: null,
    text,
    subsystem: null,
    device: null,
    boot: 0,
    replay: false,
  });
}
