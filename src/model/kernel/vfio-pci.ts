/** Drivers that hand devices to user space. Kernel: drivers/vfio/pci and platform, v6.1. */
import type { DriverOps, Kernel, ModuleOps } from '../context.ts';
import { EINVAL, ENOENT } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, printk } from '../printk.ts';
import { pci_add_dynid } from './new-id.ts';
import { boolParam, moduleParam, ownBoolParam } from './params.ts';
import { vfio_register_group_dev, vfio_unregister_group_dev } from './vfio-main.ts';

/**
 * Devices of Intel's that user space could break the system with: QAT, DSA, IAX.
 * Kernel: drivers/vfio/pci/vfio_pci.c:vfio_pci_dev_in_denylist, v6.1.
 */
const DENYLIST: readonly number[] = [
  0x19e2, 0x19e3, 0x37c8, 0x37c9, 0x0435, 0x0443, 0x0b25, 0x0cfe,
];
const INTEL = 0x8086;

const hex = (value: number): string => value.toString(16).padStart(4, '0');

/**
 * Kernel: drivers/vfio/pci/vfio_pci.c:vfio_pci_is_denylisted, v6.1.
 * Leaves out: kernels before 5.9, which had no such list.
 */
function* isDenylisted(k: Kernel, dev: string): Path<boolean> {
  const { pci } = deviceOf(k, dev).spec;
  if (pci?.vendor !== INTEL || !DENYLIST.includes(pci.device)) return false;
  const id = `${hex(pci.vendor)}:${hex(pci.device)}`;
  const allowed = boolParam(k, 'vfio_pci', 'disable_denylist') ?? false;
  const text = allowed
    ? `device denylist disabled - allowing device ${id}.`
    : `${id} exists in vfio-pci device denylist, driver probing disallowed.`;
  yield dev_printk(k, 'warn', dev, text);
  return !allowed;
}

/**
 * Kernel: drivers/vfio/pci/vfio_pci.c:vfio_pci_probe and vfio_pci_core_register_device, v6.1.
 * Leaves out: SR-IOV, VGA arbitration, power states.
 *
 * @returns 0, or -EINVAL for a denylisted device, a bridge, a device without a group, or one without
 * coherent DMA.
 */
const vfio_pci_probe = path('vfio_pci_probe', function* (k, dev: string): Path<number> {
  if (yield* isDenylisted(k, dev)) return -EINVAL;
  return yield* vfio_pci_core_register_device(k, dev);
});

function* vfio_pci_core_register_device(k: Kernel, dev: string): Path<number> {
  if ((deviceOf(k, dev).spec.pci?.header ?? 0) !== 0) return -EINVAL;
  return yield* vfio_register_group_dev(k, dev);
}

/**
 * Adds the ids of the module's parameter: unbound devices that match go to the driver.
 *
 * Kernel: drivers/vfio/pci/vfio_pci.c:vfio_pci_fill_ids, v6.1.
 * Leaves out: classes.
 */
function* vfio_pci_fill_ids(k: Kernel): Path<number> {
  const ids = moduleParam(k, 'vfio_pci', 'ids') ?? '';
  for (const id of ids.split(',').filter((text) => text !== '')) {
    const [vendor, device, ...subsystem] = id.split(':');
    if (vendor === undefined || device === undefined) {
      yield printk('warn', `vfio_pci: invalid id string "${id}"`);
      continue;
    }
    // The driver core tries the driver within pci_add_dynid, before the line about the id.
    const ret = yield* pci_add_dynid(k, 'vfio-pci', id.split(':'));
    const sub = [0, 1].map((i) => subsystem[i] ?? 'ffffffff').join(':');
    const text = `[${vendor}:${device}[${sub}]] class 0x000000/00000000`;
    yield ret === 0
      ? printk('info', `vfio_pci: add ${text}`)
      : printk('warn', `vfio_pci: failed to add dynamic id ${text} (${ret})`);
  }
  return 0;
}

/**
 * Kernel: drivers/vfio/pci/vfio_pci.c:vfio_pci_init, v6.1.
 * Leaves out: what other parameters do.
 */
export const vfioPciModule: ModuleOps = { registered: vfio_pci_fill_ids };

/**
 * Kernel: drivers/vfio/platform/vfio_platform.c:vfio_platform_probe, v6.1.
 * Leaves out: the functions that reset some devices, without one of which a device is refused.
 *
 * @returns 0, -ENOENT while the module insists on a reset, or what registering returned.
 */
const vfio_platform_probe = path('vfio_platform_probe', function* (k, dev: string): Path<number> {
  if (ownBoolParam(k, dev, 'reset_required') ?? true) {
    yield dev_printk(k, 'err', dev, `No reset function found for device ${dev}`);
    return -ENOENT;
  }
  return yield* vfio_register_group_dev(k, dev);
});

const remove = vfio_unregister_group_dev;

/**
 * The drivers that hand devices to user space, by name. Those made for one kind of device do more
 * for its migration.
 *
 * Kernel: vfio_pci_driver, mlx5vf_pci_driver, hisi_acc_vfio_pci_driver, vfio_platform_driver,
 * vfio_amba_driver, vfio_fsl_mc_driver, v6.1; nvgrace_gpu_vfio_pci_driver, pds_vfio_pci_driver,
 * qat_vf_vfio_pci_driver, virtiovf_pci_driver, v6.12, which are called after their modules.
 * Leaves out: migration.
 */
export const VFIO_DRIVERS: ReadonlyMap<string, DriverOps> = new Map<string, DriverOps>([
  ['vfio-pci', { probe: vfio_pci_probe, remove }],
  ['mlx5_vfio_pci', { probe: vfio_pci_core_register_device, remove }],
  ['hisi_acc_vfio_pci', { probe: vfio_pci_core_register_device, remove }],
  ['nvgrace_gpu_vfio_pci', { probe: vfio_pci_core_register_device, remove }],
  ['pds_vfio_pci', { probe: vfio_pci_core_register_device, remove }],
  ['qat_vfio_pci', { probe: vfio_pci_core_register_device, remove }],
  ['virtio_vfio_pci', { probe: vfio_pci_core_register_device, remove }],
  ['vfio-platform', { probe: vfio_platform_probe, remove }],
  ['vfio-amba', { probe: vfio_register_group_dev, remove }],
  ['vfio-fsl-mc', { probe: vfio_register_group_dev, remove }],
]);
