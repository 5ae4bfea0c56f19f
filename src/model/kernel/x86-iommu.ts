/**
 * IOMMUs that find their devices by PCI address, without firmware's ids.
 *
 * Kernel: drivers/iommu/intel/iommu.c, drivers/iommu/amd/init.c and iommu.c, v6.1.
 */

import { isX86Iommu } from '../../events/machine.ts';
import type { DomainType } from '../../events/terms.ts';
import type { IommuOps, Kernel } from '../context.ts';
import { ENODEV } from '../errno.ts';
import { kindOf } from '../hardware/iommu-kind.ts';
import { hasCachingMode } from '../hardware/vt-d.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { pr_debug, printk } from '../printk.ts';
import {
  amd_iommu_init_dma_ops,
  amdIsEnabled,
  init_device_table_dma,
  iommu_init_pci,
  print_iommu_info,
} from './amd-iommu.ts';
import { bus_set_iommu, iommu_present } from './bus-iommu.ts';
import { dmarIsEnabled } from './intel-dmar.ts';
import { enable_translation, init_dmars, registrationOrder } from './intel-iommu.ts';
import { iommu_device_register } from './iommu-register.ts';
import { pci_device_group } from './pci-group.ts';
import { streamIds } from './requester-ids.ts';

const CORE = 'drivers/base/core.c';

/**
 * The ops by the kind of IOMMU.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_ops, drivers/iommu/amd/iommu.c:amd_iommu_ops, v6.1.
 * Leaves out: other architectures.
 */
export const X86_OPS = { intel: 'intel-iommu', amd: 'amd-iommu' } as const;

/**
 * Intel's or AMD's IOMMUs come up, all that the boot names, at the step of the first of them, and find
 * all PCI devices at once. One in caching mode wants to be told of every mapping: batching does not pay,
 * so domains are strict. Without register_scans_buses the PCI bus is searched once the last unit is there.
 *
 * Kernel: drivers/iommu/intel/iommu.c:intel_iommu_init, drivers/iommu/amd/init.c:amd_iommu_init_pci,
 * v6.1; bus_set_iommu after the loop over all units, v6.0.
 * Leaves out: what the firmware's opt-in and a measured launch change.
 *
 * @returns 0, -ENODEV for what is no such IOMMU or is not wanted, or the error of a registration.
 */
export const initX86Iommu = path('iommu_init', function* (k, iommu: string): Path<number> {
  const kind = kindOf(k, iommu);
  if (!isX86Iommu(kind) || !(kind === 'intel' ? dmarIsEnabled(k) : amdIsEnabled(k))) return -ENODEV;
  if (k.state.iommus.some(({ ops }) => ops === X86_OPS[kind])) return 0;
  const named = k.machine.boot.flatMap((step) => (step.step === 'iommu' ? step.iommu : []));
  const units = [...new Set([iommu, ...named])].filter((name) => kindOf(k, name) === kind);
  return yield* kind === 'intel' ? intel_iommu_init(k, units) : amd_iommu_init_pci(k, units);
});

const intel_iommu_init = path(
  'intel_iommu_init',
  function* (k, units: readonly string[]): Path<number> {
    yield* init_dmars(k);
    let ret = 0;
    for (const name of registrationOrder(k, units)) {
      const spec = k.machine.devices.find((device) => device.name === name);
      if (spec !== undefined && hasCachingMode(spec)) {
        if (!k.state.dma_strict)
          yield printk('info', 'DMAR: IOMMU batching disallowed due to virtualization');
        yield { type: 'iommu.dma_strict' };
      }
      yield* pr_debug(k, CORE, `device: '${name}': device_add`);
      const err = yield* iommu_device_register(k, name, X86_OPS.intel, false);
      if (err !== 0) ret = err;
    }
    const err = yield* setPciOps(k, X86_OPS.intel);
    yield* enable_translation(k);
    return ret === 0 ? err : ret;
  },
);

const amd_iommu_init_pci = path(
  'amd_iommu_init_pci',
  function* (k, units: readonly string[]): Path<number> {
    let ret = 0;
    for (const name of units) {
      yield* iommu_init_pci(k, name);
      yield* pr_debug(k, CORE, `device: '${name}': device_add`);
      const err = yield* iommu_device_register(k, name, X86_OPS.amd, false);
      if (err !== 0) ret = err;
    }
    const err = yield* setPciOps(k, X86_OPS.amd);
    yield* init_device_table_dma(k);
    yield* print_iommu_info(k);
    yield* amd_iommu_init_dma_ops(k);
    return ret === 0 ? err : ret;
  },
);

function* setPciOps(k: Kernel, ops: string): Path<number> {
  if (k.has('register_scans_buses') || iommu_present(k, 'pci')) return 0;
  return yield* bus_set_iommu(k, 'pci', ops);
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
