/** Which drivers a kernel has, and which of them can be modules. Kernel: drivers/iommu/Kconfig. */
import type { DriverSpec } from '../../events/machine.ts';
import type { Facts } from '../context.ts';
import { moduleOfDriver } from '../firmware/driver-table.ts';
import { KNOWN_MODULES } from '../firmware/module-table.ts';

/** The drivers of Arm's SMMUs. */
export const SMMUS: readonly string[] = ['arm-smmu', 'arm-smmu-v3'];

/**
 * The driver as this kernel has it, whatever the machine would like: some are built in for lack of
 * an option to build a module, and SMMUs had bind files once.
 *
 * Kernel: drivers/iommu/Kconfig, ARM_SMMU, ARM_SMMU_V3 and VIRTIO_IOMMU as bool or tristate;
 * suppress_bind_attrs of the SMMU drivers, v4.12 to v6.1.
 * Leaves out: the other drivers.
 *
 * @returns null for a driver that this kernel does not have.
 */
export function driverAsBuilt(k: Facts, spec: DriverSpec): DriverSpec | null {
  if (spec.name === 'virtio_iommu') {
    if (!k.has('viommu_driver')) return null;
    return k.has('viommu_modular') ? spec : { ...spec, module: null };
  }
  if (!SMMUS.includes(spec.name)) return spec;
  const isFirst = isFirstModule(k, spec.name);
  const suppresses = k.has('smmu_suppress_bind') && !isFirst;
  return {
    ...spec,
    module: k.has('smmu_modular') || isFirst ? spec.module : null,
    suppress_bind_attrs: spec.suppress_bind_attrs && suppresses,
  };
}

/**
 * The drivers of the machine as this kernel has them.
 *
 * Kernel: the kernel's configuration.
 * Leaves out: see driverAsBuilt.
 */
export function driversAsBuilt(k: Facts): readonly DriverSpec[] {
  return k.machine.drivers.flatMap((spec) => driverAsBuilt(k, spec) ?? []);
}

/** What a module that is built in builds in too. Kernel: `select` in drivers/vfio/Kconfig, v6.1. */
const SELECTS: ReadonlyMap<string, readonly string[]> = new Map([['vfio', ['vfio_iommu_type1']]]);

/**
 * Is the module built in, as far as the machine's drivers tell? With it is what it needs, unless the
 * machine has that as a module.
 *
 * Kernel: modules.builtin.
 * Leaves out: modules without drivers that no driver needs.
 */
export function isBuiltIn(k: Facts, module: string): boolean {
  const built = new Set<string>();
  const add = (name: string): void => {
    if (built.has(name)) return;
    built.add(name);
    const depends = KNOWN_MODULES.find((known) => known.name === name)?.depends ?? [];
    for (const other of [...depends, ...(SELECTS.get(name) ?? [])])
      if (!k.machine.modules.some((listed) => listed.name === other)) add(other);
  };
  for (const spec of driversAsBuilt(k))
    if (spec.module === null) add(moduleOfDriver(spec.bus, spec.name));
  return built.has(module);
}

/**
 * Is it an SMMU driver as it was first proposed as a module? Its removal is its shutdown.
 *
 * Kernel: drivers/iommu/arm-smmu.c, arm-smmu-v3.c with the series of 2019-10-30.
 * Leaves out: nothing.
 */
export function isFirstModule(k: Facts, drv: string): boolean {
  return k.has('smmu_module_v1') && SMMUS.includes(drv);
}
