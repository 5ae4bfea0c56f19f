/** Firmware tells a device of its IOMMU. Kernel: drivers/iommu/of_iommu.c, v6.1 unless said. */
import { type DeviceSpec, isX86Iommu } from '../../events/machine.ts';
import type { Kernel } from '../context.ts';
import { EFAULT, EINVAL, ENODEV, EPROBE_DEFER } from '../errno.ts';
import { matchesAny } from '../firmware/modalias.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_dbg, printk } from '../printk.ts';
import { driver_deferred_probe_check_state } from './dd-deferred.ts';
import { iommu_probe_device, probeLocked } from './iommu.ts';
import { instanceCodeGone, instanceOf } from './iommu-ops.ts';
import { askedIds, type StreamId, streamIds } from './requester-ids.ts';

/** The device has no IOMMU, or one that does not matter: no error until the ops of buses retired. */
const noIommu = (k: Kernel): number => (k.has('bus_ops_retired') ? -ENODEV : 1);

/**
 * Associates a device with its IOMMU, and replays the IOMMU probe that came too early for it.
 *
 * Kernel: drivers/iommu/of_iommu.c:of_iommu_configure and of_iommu_xlate, v6.1.
 * Leaves out: IOMMU drivers without of_xlate.
 *
 * @returns 0, or -EPROBE_DEFER; other errors leave the device without an IOMMU.
 */
export const of_iommu_configure: (k: Kernel, dev: string) => Path<number> = path(
  'of_iommu_configure',
  function* (k, dev: string): Path<number> {
    if (yield* isToldAlready(k, dev)) return 0;
    if (deviceOf(k, dev).bus === 'pci' && k.has('of_request_acs') && !k.state.acs_requested)
      yield { type: 'pci.acs_requested' };
    const asked = deviceOf(k, dev).dev_iommu;
    const err = yield* firmwareLocked(k, of_xlateAndRead(k, dev));
    return yield* replay(k, dev, asked, err, 'drivers/iommu/of_iommu.c');
  },
);

/**
 * The same for ACPI firmware: IORT's and VIOT's word.
 *
 * Kernel: drivers/acpi/scan.c:acpi_iommu_configure_id, v6.1, with drivers/acpi/arm64/iort.c and
 * drivers/acpi/viot.c. A missing IOMMU is waited for without end until acpi_defer_bounded.
 * Leaves out: kernels without a driver for the IOMMU, which do not wait.
 *
 * @returns 0, or -EPROBE_DEFER; other errors leave the device without an IOMMU.
 */
export const acpi_iommu_configure_id: (k: Kernel, dev: string) => Path<number> = path(
  'acpi_iommu_configure_id',
  function* (k, dev: string): Path<number> {
    if (yield* isToldAlready(k, dev)) return 0;
    const asked = deviceOf(k, dev).dev_iommu;
    const err = yield* firmwareLocked(k, xlate(k, dev, streamIds(k, dev), waitForAcpi(k, dev)));
    return yield* replay(k, dev, asked, err, 'drivers/acpi/scan.c');
  },
);

/**
 * What follows the word of firmware: the IOMMU probe, unless it is the IOMMU core that asked.
 *
 * Kernel: the tails of of_iommu_configure and acpi_iommu_configure_id, v6.1; with fw_parse_at_add
 * the core allocates dev->iommu before it asks, and goes on by itself.
 */
function* replay(k: Kernel, dev: string, asked: boolean, xlated: number, file: string) {
  let err = xlated;
  const byCore = k.has('fw_parse_at_add') && (asked || k.machine.firmware === 'acpi');
  if (err === 0 && !byCore && deviceOf(k, dev).iommu_group === null)
    err = yield* iommu_probe_device(k, dev);
  if (err === -EPROBE_DEFER) return err;
  if (err < 0) yield* dev_dbg(k, file, dev, `Adding to IOMMU failed: ${err}`);
  return 0;
}

/** Has firmware said its word? Who is just saying it is waited for where the global lock covers that. */
function* isToldAlready(k: Kernel, dev: string): Path<boolean> {
  const isTold = () => deviceOf(k, dev).fwspec !== null;
  if (!isTold() || !k.has('probe_lock')) return isTold();
  return yield* probeLocked(k, answer(isTold));
}

function* answer<R>(what: () => R): Path<R> {
  yield* [];
  return what();
}

/** The global lock covers the word of firmware since the second of two patches. */
function firmwareLocked<R>(k: Kernel, inner: Path<R>): Path<R> {
  return k.has('probe_lock') ? probeLocked(k, inner) : inner;
}

/** IOMMUs that need no word of firmware for each device. */
function findsByItself({ iommu_kind, mmu_masters }: DeviceSpec): boolean {
  return isX86Iommu(iommu_kind) || mmu_masters === true;
}

function* waitForAcpi(k: Kernel, dev: string): Path<number> {
  return k.has('acpi_defer_bounded')
    ? yield* driver_deferred_probe_check_state(k, dev)
    : -EPROBE_DEFER;
}

/** Waits for the IOMMU, while a driver for it may come; keeps dev->iommu where the kernel does. */
function* waitForOf(k: Kernel, dev: string, iommu: string | undefined): Path<number> {
  if (!k.has('of_iommu_defer')) return noIommu(k);
  if (!k.has('deferred_check_state') && !of_iommu_driver_present(k, iommu)) return noIommu(k);
  const keeps = !k.has('fwspec_needs_iommu');
  if (keeps && !deviceOf(k, dev).dev_iommu) yield { type: 'dev_iommu.allocated', dev };
  const { iommu_kind } = k.machine.devices.find(({ name }) => name === iommu) ?? {};
  if (iommu_kind === 'virtio-iommu' && k.has('viommu_waits_for_ever')) return -EPROBE_DEFER;
  return yield* driver_deferred_probe_check_state(k, dev);
}

/**
 * Is a driver for the IOMMU built in? Only such a one was waited for, and without end.
 *
 * Kernel: drivers/iommu/of_iommu.c:of_iommu_driver_present, v4.12.
 * Leaves out: drivers that are not in the table of their linker section.
 */
function of_iommu_driver_present(k: Kernel, iommu: string | undefined): boolean {
  const ids = k.machine.devices.find(({ name }) => name === iommu)?.ids ?? [];
  return k.machine.drivers.some(({ module, ids: own }) => module === null && matchesAny(own, ids));
}

/** The fwspec is read again when it is complete, until only an error code is handed back. */
function* of_xlateAndRead(k: Kernel, dev: string): Path<number> {
  const err = yield* of_xlate(k, dev);
  if (err !== 0 || deviceOf(k, dev).fwspec !== null || k.has('bus_ops_retired')) return err;
  const what = 'NULL pointer dereference: the fwspec was freed by another probe of the device';
  yield { type: 'kernel.oopsed', at: 'of_iommu_configure', what };
  return -ENODEV;
}

/** Every id is asked about in turn; one that the map does not cover is spoken of, and is the last. */
function* of_xlate(k: Kernel, dev: string): Path<number> {
  const map = askedIds(k, dev);
  const missing = map?.asked.find(({ stream }) => stream === null);
  const streams = (map?.asked ?? []).flatMap(({ stream }) => stream ?? []);
  const known = map === null ? streamIds(k, dev) : streams;
  const err =
    known.length > 0 ? yield* xlate(k, dev, known, waitForOf(k, dev, known[0]?.iommu)) : noIommu(k);
  if (map === null || missing === undefined || (known.length > 0 && err !== 0)) return err;
  if (missing.badBase !== null) {
    const mask = `iommu-map-mask (0x${(map.of.spec.iommu_map_mask ?? 0).toString(16)})`;
    const base = `ignores id-base (0x${missing.badBase.toString(16)})`;
    const text = `Invalid iommu-map translation - ${mask} ${base}`;
    yield printk('err', `OF: ${nodePath(map.of.spec)}: ${text}`);
    return -EFAULT;
  }
  const what = `no iommu-map translation for id 0x${missing.id.toString(16)} on (null)`;
  yield printk('info', `OF: ${nodePath(map.of.spec)}: ${what}`);
  return noIommu(k);
}

/** `/pcie@10000000`: as the tree says, else what `10000000.pcie` was made of. */
function nodePath({ name, of_node }: DeviceSpec | { name: string; of_node?: string }): string {
  const dot = name.indexOf('.');
  return of_node ?? (dot < 0 ? `/${name}` : `/${name.slice(dot + 1)}@${name.slice(0, dot)}`);
}

/**
 * Gives the device its ids, IOMMU by IOMMU. The first one is the device's; a second one must be of
 * the same driver.
 *
 * Kernel: drivers/iommu/of_iommu.c:of_iommu_xlate, drivers/iommu/iommu.c:iommu_fwspec_init, v6.1;
 * v6.12 with fwspec_needs_iommu.
 * Leaves out: the module reference for the time of of_xlate, the fwspec without ids that a refusal of
 * the driver leaves.
 */
function* xlate(k: Kernel, dev: string, streams: readonly StreamId[], missing: Path<number>) {
  const [first] = streams;
  if (first === undefined) return noIommu(k);
  const isKnown = deviceOf(k, dev).dev_iommu;
  const ids: number[] = [];
  let ops: string | null = null;
  for (const { iommu, id } of streams) {
    const node = k.machine.devices.find((device) => device.name === iommu);
    if (node === undefined || node.disabled === true || findsByItself(node)) return noIommu(k);
    const instance = instanceOf(k, iommu);
    if (instance === undefined && (ops === null || k.has('fwspec_needs_iommu')))
      return yield* missing;
    if (!isKnown && k.has('iommu_ready_flag') && instance?.ready === false) return -EPROBE_DEFER;
    if (ops !== null && ops !== instance?.ops) return -EINVAL;
    ops = instance?.ops ?? null;
    ids.push(id);
  }
  if (!deviceOf(k, dev).dev_iommu) yield { type: 'dev_iommu.allocated' as const, dev };
  const instance = instanceOf(k, first.iommu);
  const gone = instance === undefined ? null : instanceCodeGone(k, instance);
  if (gone !== null) {
    const what = `the ops of ${first.iommu} point to where ${gone} was`;
    yield { type: 'kernel.oopsed' as const, at: 'of_iommu_xlate', what };
    return -ENODEV;
  }
  const refused = k.ops.iommu(ops ?? '')?.of_xlate?.(k, dev, first.iommu) ?? 0;
  if (refused !== 0) return refused;
  yield { type: 'fwspec.set' as const, dev, iommu: first.iommu, ids };
  return 0;
}
