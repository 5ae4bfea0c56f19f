/**
 * The drivers of IOMMUs, as far as the core sees them: they register, they say which device is
 * theirs, they choose its group.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c, drivers/iommu/arm/arm-smmu/arm-smmu.c,
 * drivers/iommu/virtio-iommu.c, v6.1.
 */
import type { DriverOps, IommuOps, Kernel } from '../context.ts';
import { EINVAL, ENODEV } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk, pr_debug } from '../printk.ts';
import { probeCoherency } from './arm-smmu-coherency.ts';
import { device_link_add } from './device-link.ts';
import { iommu_device_register, iommu_device_unregister, iommu_group_alloc } from './iommu.ts';
import { pci_device_group } from './pci-group.ts';
import { device_get_dma_attr } from './property.ts';
import { streamIds } from './requester-ids.ts';

/** What differs between the drivers. */
interface Kind {
  readonly drv: string;
  readonly module: string;
  /** Each stream id has one master: a second one is refused. */
  readonly uniqueStreams: boolean;
  /** Firmware names the parent of the bound device. */
  readonly fwnodeOfParent: boolean;
  /** It is taken out of sysfs, under its parent's name, before its devices are released. */
  readonly sysfsGoesFirst: boolean;
  /** It has a shutdown. */
  readonly shutsDown: boolean;
}

const KINDS: readonly Kind[] = [
  kind('arm-smmu', 'arm_smmu', { shutsDown: true }),
  kind('arm-smmu-v3', 'arm_smmu_v3', { uniqueStreams: true, shutsDown: true }),
  kind('virtio_iommu', 'virtio_iommu', { fwnodeOfParent: true, sysfsGoesFirst: true }),
  kind('ipmmu-vmsa', 'ipmmu_vmsa', {}),
];

function kind(drv: string, module: string, habits: Partial<Kind>): Kind {
  const none = { uniqueStreams: false, fwnodeOfParent: false, sysfsGoesFirst: false };
  return { drv, module, ...none, shutsDown: false, ...habits };
}

/** The name under which firmware knows the IOMMU that `dev` is. */
function instanceName(k: Kernel, dev: string, kind: Kind): string {
  return kind.fwnodeOfParent ? (deviceOf(k, dev).parent ?? dev) : dev;
}

/**
 * The driver core's side of an IOMMU driver.
 *
 * Kernel: arm_smmu_device_probe and arm_smmu_device_remove, viommu_probe and viommu_remove, v6.1.
 * Leaves out: the hardware.
 */
function driverOf(kind: Kind): DriverOps {
  return {
    probe: path(`${kind.module}_device_probe`, function* (k, dev: string): Path<number> {
      const name = instanceName(k, dev, kind);
      if (kind.sysfsGoesFirst)
        yield* pr_debug(k, 'drivers/base/core.c', `device: '${name}': device_add`);
      yield* probeCoherency(k, dev);
      const ret = yield* iommu_device_register(k, name, kind.drv, true);
      if (ret !== 0) yield dev_printk(k, 'err', dev, 'Failed to register iommu');
      return ret;
    }),
    *remove(k, dev) {
      const iommu = instanceName(k, dev, kind);
      if (kind.sysfsGoesFirst) {
        yield* pr_debug(k, 'drivers/base/core.c', `device: '${iommu}': device_unregister`);
        yield { type: 'iommu.sysfs_removed', iommu };
      }
      yield* iommu_device_unregister(k, iommu);
    },
    ...(kind.shutsDown ? { shutdown: arm_smmu_device_shutdown } : {}),
  };
}

/**
 * Switches the SMMU off: translation ends, and what still does DMA is stopped. Before
 * smmu_no_unregister_on_shutdown it was the removal: devices left their groups, bound or not.
 *
 * Kernel: arm_smmu_device_shutdown of arm-smmu.c and arm-smmu-v3.c, v6.1 and v6.1.6.
 * Leaves out: clocks, runtime power management.
 */
const arm_smmu_device_shutdown = path(
  'arm_smmu_device_shutdown',
  function* (k, dev: string, drv: string): Path<void> {
    yield { type: 'driver.shutdown', dev, drv };
    if (!k.has('smmu_no_unregister_on_shutdown')) yield* iommu_device_unregister(k, dev);
    const translates = Object.values(k.state.devices).some(({ iommu }) => iommu === dev);
    if (drv === 'arm-smmu' && translates)
      yield dev_printk(k, 'notice', dev, 'disabling translation');
    yield { type: 'iommu.disabled', iommu: dev };
  },
);

/** The master that has one of the stream ids of `dev` already; null for none. */
function streamHolder(
  k: Kernel,
  dev: string,
): { readonly id: number; readonly dev: string } | null {
  const own = deviceOf(k, dev).fwspec;
  if (own === null) return null;
  for (const other of Object.values(k.state.devices)) {
    if (other.name === dev || other.iommu === null || other.fwspec?.iommu !== own.iommu) continue;
    const id = own.ids.find((mine) => other.fwspec?.ids.includes(mine) ?? false);
    if (id !== undefined) return { id, dev: other.name };
  }
  return null;
}

/**
 * The IOMMU core's side of an IOMMU driver.
 *
 * Kernel: arm_smmu_probe_device and arm_smmu_device_group, viommu_probe_device, v6.1.
 * Leaves out: the ranges of stream ids, the group memory of SMMU v2 stream mapping entries.
 */
function opsOf(kind: Kind): IommuOps {
  return {
    module: kind.module,
    probe_device: path(`${kind.module}_probe_device`, function* (k, dev: string) {
      const { fwspec } = deviceOf(k, dev);
      const instance = k.state.iommus.find((i) => i.name === fwspec?.iommu);
      if (instance?.ops !== kind.drv) return -ENODEV;
      const holder = kind.uniqueStreams ? streamHolder(k, dev) : null;
      if (holder !== null) {
        const text = `stream ${holder.id} already in tree from dev ${holder.dev}`;
        yield dev_printk(k, 'warn', dev, text);
        return -EINVAL;
      }
      if (kind.drv === 'arm-smmu' && k.has('smmu_device_links'))
        yield* device_link_add(k, dev, instance.name, ['PM_RUNTIME', 'AUTOREMOVE_SUPPLIER']);
      return instance.name;
    }),
    device_group: path('device_group', function* (k, dev: string): Path<number> {
      if (deviceOf(k, dev).bus === 'pci') return yield* pci_device_group(k, dev);
      return yield* iommu_group_alloc(k);
    }),
    cache_coherent: (k, dev) => isCoherent(k, dev, kind),
  };
}

/**
 * IOMMU_CAP_CACHE_COHERENCY: what firmware says of the SMMU's table walks, or of the client's own
 * node; before smmu_truthful_coherency always yes.
 */
function isCoherent(k: Kernel, dev: string, kind: Kind): boolean {
  if (kind.drv === 'virtio_iommu' || !k.has('smmu_truthful_coherency')) return true;
  const { iommu } = deviceOf(k, dev);
  const walks = k.state.devices[iommu ?? '']?.spec.dma_coherent === true;
  if (kind.drv !== 'arm-smmu' || !k.has('smmu_client_coherency_fallback')) return walks;
  return walks || device_get_dma_attr(k, dev) === 'COHERENT';
}

/**
 * The ops of IOMMUs that find their devices by PCI address, without firmware's ids.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_ops, drivers/iommu/amd/iommu.c:amd_iommu_ops, v6.1.
 * Leaves out: other architectures.
 */
export const X86_OPS = { intel: 'intel-iommu', amd: 'amd-iommu' } as const;

/**
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_probe_device, drivers/iommu/amd/iommu.c, v6.1.
 * Leaves out: graphics and other exceptions, devices of ACPI name space.
 */
const x86Ops: IommuOps = {
  module: '',
  probe_device: path('x86_iommu_probe_device', function* (k, dev: string) {
    yield* [];
    const [first] = streamIds(k, dev);
    const known = k.state.iommus.some((instance) => instance.name === first?.iommu);
    return first !== undefined && known ? first.iommu : -ENODEV;
  }),
  device_group: (k, dev) => pci_device_group(k, dev),
  cache_coherent: () => true,
};

/**
 * The drivers that drive an IOMMU, by name.
 *
 * Kernel: arm-smmu.c, arm-smmu-v3.c, virtio-iommu.c, ipmmu-vmsa.c below drivers/iommu, v6.1.
 * Leaves out: the other IOMMU drivers.
 */
export const IOMMU_DRIVERS: ReadonlyMap<string, DriverOps> = new Map(
  KINDS.map((kind) => [kind.drv, driverOf(kind)]),
);

/**
 * The ops of every IOMMU driver, by the name of the driver.
 *
 * Kernel: struct iommu_ops of the same files, v6.1.
 * Leaves out: the other IOMMU drivers.
 */
export const IOMMU_OPS: ReadonlyMap<string, IommuOps> = new Map([
  ...KINDS.map((kind) => [kind.drv, opsOf(kind)] as const),
  [X86_OPS.intel, x86Ops],
  [X86_OPS.amd, x86Ops],
]);
