/**
 * IOMMUs that find their devices by PCI address, without firmware's ids.
 *
 * Kernel: drivers/iommu/intel/iommu.c, drivers/iommu/amd/init.c and iommu.c, v6.1.
 */

import { isX86Iommu, type X86IommuKind } from '../../events/machine.ts';
import type { DomainType } from '../../events/terms.ts';
import type { IommuOps, Kernel } from '../context.ts';
import { ENODEV } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { printk } from '../printk.ts';
import { bus_set_iommu, iommu_present } from './bus-iommu.ts';
import { isStrict } from './default-domain.ts';
import { iommu_device_register } from './iommu-register.ts';
import { pci_device_group } from './pci-group.ts';
import { streamIds } from './requester-ids.ts';

/**
 * The ops by the kind of IOMMU.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_ops, drivers/iommu/amd/iommu.c:amd_iommu_ops, v6.1.
 * Leaves out: other architectures.
 */
export const X86_OPS = { intel: 'intel-iommu', amd: 'amd-iommu' } as const;

/**
 * Intel's or AMD's IOMMU comes up and finds all PCI devices at once. One in caching mode wants to be
 * told of every mapping: batching does not pay, so domains are strict. Without register_scans_buses
 * the PCI bus is searched once the last unit is there.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_init, drivers/iommu/amd/init.c:amd_iommu_init_pci,
 * v6.1; bus_set_iommu after the loop over all units, v6.0.
 * Leaves out: the hardware.
 *
 * @returns 0, -ENODEV for what is no such IOMMU, or the error of the registration.
 */
export const initX86Iommu = path('iommu_init', function* (k, iommu: string): Path<number> {
  const spec = k.machine.devices.find((device) => device.name === iommu);
  const kind = spec?.iommu_kind;
  if (!isX86Iommu(kind)) return -ENODEV;
  if (kind === 'intel' && spec?.caching_mode === true) {
    if (!k.state.dma_strict)
      yield printk('info', 'DMAR: IOMMU batching disallowed due to virtualization');
    yield { type: 'iommu.dma_strict' };
  }
  if (kind === 'amd') yield* amd_iommu_init_dma_ops(k);
  const ret = yield* iommu_device_register(k, iommu, X86_OPS[kind], false);
  if (ret !== 0 || k.has('register_scans_buses')) return ret;
  if (iommu_present(k, 'pci') || awaitsUnit(k, kind)) return 0;
  return yield* bus_set_iommu(k, 'pci', X86_OPS[kind]);
});

/**
 * AMD's driver said itself when the TLB is flushed, until the core did: with its first unit.
 *
 * Kernel: drivers/iommu/amd/iommu.c:amd_iommu_init_dma_ops, v5.14.
 * Leaves out: swiotlb.
 */
function* amd_iommu_init_dma_ops(k: Kernel): Path<void> {
  if (k.has('dma_policy_in_log') || k.state.iommus.some(({ ops }) => ops === X86_OPS.amd)) return;
  const policy = isStrict(k) ? 'IO/TLB flush on unmap enabled' : 'Lazy IO/TLB flushing enabled';
  yield printk('info', `AMD-Vi: ${policy}`);
}

/** Is a unit of the kind still to come up in this boot? */
function awaitsUnit(k: Kernel, kind: X86IommuKind): boolean {
  return k.machine.boot.some((step) => {
    if (step.step !== 'iommu') return false;
    const spec = k.machine.devices.find((device) => device.name === step.iommu);
    const isUp = k.state.iommus.some(({ name }) => name === step.iommu);
    return spec?.iommu_kind === kind && !isUp;
  });
}

/**
 * Graphics bypass VT-d when the command line says igfx_off.
 *
 * Kernel: drivers/iommu/intel/iommu.c:device_def_domain_type, v6.1.
 * Leaves out: sound on Tylersburg, units for graphics alone, that igfx_off means those in v6.12.
 */
function def_domain_type(k: Kernel, dev: string): DomainType | null {
  const words = (k.cmdline('intel_iommu') ?? '').split(',');
  const code = deviceOf(k, dev).spec.pci?.class ?? 0;
  return words.includes('igfx_off') && code >> 16 === 0x03 ? 'identity' : null;
}

/**
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_probe_device, drivers/iommu/amd/iommu.c, v6.1.
 * Leaves out: graphics and other exceptions, devices of ACPI name space.
 */
export const x86Ops: IommuOps = {
  module: '',
  owned: () => true,
  probe_device: path('x86_iommu_probe_device', function* (k, dev: string) {
    yield* [];
    const [first] = streamIds(k, dev);
    const known = k.state.iommus.some((instance) => instance.name === first?.iommu);
    return first !== undefined && known ? first.iommu : -ENODEV;
  }),
  device_group: (k, dev) => pci_device_group(k, dev),
  def_domain_type,
  cache_coherent: () => true,
};
