/** Firmware tells a device of its IOMMU. Kernel: drivers/iommu/of_iommu.c, v6.1 unless said. */
import type { DeviceSpec } from '../../events/machine.ts';
import type { Kernel } from '../context.ts';
import { ENODEV, EPROBE_DEFER } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_dbg } from '../printk.ts';
import { driver_deferred_probe_check_state } from './dd-deferred.ts';
import { iommu_probe_device } from './iommu.ts';
import { instanceCodeGone, instanceOf } from './iommu-ops.ts';
import { type StreamId, streamIds } from './requester-ids.ts';

/** The device has no IOMMU, or one that does not matter: no error until the ops of buses retired. */
const noIommu = (k: Kernel): number => (k.has('bus_ops_retired') ? -ENODEV : 1);

/**
 * Associates a device with its IOMMU, and replays the IOMMU probe that came too early for it.
 *
 * Kernel: drivers/iommu/of_iommu.c:of_iommu_configure and of_iommu_xlate, v6.1;
 * drivers/acpi/scan.c:acpi_iommu_configure_id with drivers/acpi/arm64/iort.c on ACPI, where a
 * missing IOMMU is waited for without end.
 * Leaves out: IOMMU drivers without of_xlate, fsl-mc, the message for an id that no row maps.
 *
 * @returns 0, or -EPROBE_DEFER; other errors leave the device without an IOMMU.
 */
export const of_iommu_configure: (k: Kernel, dev: string) => Path<number> = path(
  'of_iommu_configure',
  configure,
);

/**
 * The same for ACPI firmware, under the name it has there.
 *
 * Kernel: drivers/acpi/scan.c:acpi_iommu_configure_id, v6.1.
 * Leaves out: VIOT.
 */
export const acpi_iommu_configure_id = path('acpi_iommu_configure_id', configure);

function* configure(k: Kernel, dev: string): Path<number> {
  const acpi = k.machine.firmware === 'acpi';
  if (deviceOf(k, dev).fwspec !== null) return 0;
  if (!acpi && deviceOf(k, dev).bus === 'pci' && k.has('of_request_acs') && !k.state.acs_requested)
    yield { type: 'pci.acs_requested' };
  let err = yield* xlate(k, dev, streamIds(k, dev), acpi);
  // Without a driver it is the IOMMU core that asks, and goes on by itself.
  if (deviceOf(k, dev).driver === null) return Math.min(err, 0);
  if (err === 0 && deviceOf(k, dev).iommu_group === null) err = yield* iommu_probe_device(k, dev);
  if (err === -EPROBE_DEFER) return err;
  if (err < 0) yield* dev_dbg(k, 'drivers/iommu/of_iommu.c', dev, `Adding to IOMMU failed: ${err}`);
  return 0;
}

/** IOMMUs that need no word of firmware for each device. */
function findsByItself({ iommu_kind, mmu_masters }: DeviceSpec): boolean {
  return iommu_kind === 'intel' || iommu_kind === 'amd' || mmu_masters === true;
}

function* xlate(k: Kernel, dev: string, streams: readonly StreamId[], acpi: boolean): Path<number> {
  const [first] = streams;
  if (first === undefined) return noIommu(k);
  const node = k.machine.devices.find((device) => device.name === first.iommu);
  if (node === undefined || node.disabled === true || findsByItself(node)) return noIommu(k);
  const instance = instanceOf(k, first.iommu);
  if (instance === undefined) {
    const keeps = !k.has('fwspec_needs_iommu');
    if (keeps && !deviceOf(k, dev).dev_iommu) yield { type: 'dev_iommu.allocated', dev };
    return acpi ? -EPROBE_DEFER : yield* driver_deferred_probe_check_state(k, dev);
  }
  if (!deviceOf(k, dev).dev_iommu) yield { type: 'dev_iommu.allocated', dev };
  const gone = instanceCodeGone(k, instance);
  if (gone !== null) {
    const what = `the ops of ${first.iommu} point to where ${gone} was`;
    yield { type: 'kernel.oopsed', at: 'of_iommu_xlate', what };
    return -ENODEV;
  }
  yield { type: 'fwspec.set', dev, iommu: first.iommu, ids: streams.map((stream) => stream.id) };
  return 0;
}
