/**
 * struct iommu_ops: whose code answers for a device, where it lies, and what keeps it there.
 *
 * Kernel: drivers/iommu/iommu.c, include/linux/iommu.h:dev_iommu_ops, kernel/module/main.c, v6.1.
 */
import type { Facts, IommuOps, Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { instanceNamed } from '../state/iommu.ts';
import type { ReadDevice, ReadState } from '../state/state.ts';

/**
 * The registered IOMMU of that name. One that its driver freed without taking it off the list counts
 * when there is no other.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_ops_from_fwnode, v6.1.
 * Leaves out: what else a freed entry of the list does to those who walk it.
 */
export function instanceOf(k: Facts, name: string): ReadState['iommus'][number] | undefined {
  return instanceNamed(k.state.iommus, name);
}

/**
 * The ops of the IOMMU that translates for the device; null without one.
 *
 * Kernel: include/linux/iommu.h:dev_iommu_ops, v6.1.
 * Leaves out: nothing.
 */
export function dev_iommu_ops(k: Kernel, dev: string): IommuOps | null {
  const name = k.state.devices[dev]?.iommu ?? null;
  const instance = name === null ? undefined : instanceOf(k, name);
  return instance === undefined ? null : k.ops.iommu(instance.ops);
}

/**
 * The name of the IOMMU driver whose ops the core would use for `dev`; null for none.
 *
 * Kernel: dev->bus->iommu_ops, v6.1; drivers/iommu/iommu.c:iommu_fwspec_ops with bus_ops_retired.
 * Leaves out: nothing.
 */
export function opsFor(k: Kernel, dev: string): string | null {
  const device = deviceOf(k, dev);
  if (!k.has('bus_ops_retired')) return k.state.buses[device.bus]?.iommu_ops ?? null;
  const wanted = device.fwspec?.iommu;
  if (wanted !== undefined) return instanceOf(k, wanted)?.ops ?? null;
  return k.state.iommus.find((instance) => !instance.fwnode)?.ops ?? null;
}

/**
 * Where the module that holds the ops lies; null where it is none.
 *
 * Kernel: the address of the ops.
 * Leaves out: nothing.
 */
export function placeOf(k: Kernel, ops: IommuOps | null): number | null {
  return ops === null ? null : (k.state.modules[ops.module]?.place ?? null);
}

/** The module whose code lay at `at`, when it lies there no longer; null when all is well. */
function moduleGone(k: Facts, ops: string | null, at: number | null): string | null {
  const module = ops === null || at === null ? undefined : k.ops.iommu(ops)?.module;
  if (module === undefined) return null;
  return k.state.modules[module]?.place === at ? null : module;
}

/**
 * The unloaded module that the ops of a bus point into; null where they are good.
 *
 * Kernel: bus->iommu_ops, v6.1.
 * Leaves out: nothing.
 */
export function busOpsGone(k: Facts, bus: string): string | null {
  if (k.has('bus_ops_retired')) return null;
  const { iommu_ops = null, iommu_ops_at = null } = k.state.buses[bus] ?? {};
  return moduleGone(k, iommu_ops, iommu_ops_at);
}

/**
 * The unloaded module that the ops of a device, and those of its domain, point into.
 *
 * Kernel: dev->iommu->iommu_dev->ops, domain->ops, v6.1.
 * Leaves out: nothing.
 */
export function deviceOpsGone(k: Facts, device: ReadDevice): string | null {
  return moduleGone(k, device.iommu_ops, device.iommu_ops_at);
}

/**
 * The unloaded module that the ops of an IOMMU on the list point into.
 *
 * Kernel: struct iommu_device.ops, v6.1.
 * Leaves out: nothing.
 */
export function instanceCodeGone(
  k: Facts,
  { ops, at }: ReadState['iommus'][number],
): string | null {
  return moduleGone(k, ops, at);
}

/** The module that a device behind these ops holds; null where it holds none. */
function pinned(k: Kernel, ops: IommuOps): string | null {
  return k.has('iommu_driver_refs') && ops.owned(k) ? ops.module : null;
}

/**
 * May the module of the ops be used? Not while it goes.
 *
 * Kernel: kernel/module/main.c:try_module_get(ops->owner), v6.1.
 * Leaves out: the count that goes up and down again when the driver then refuses the device.
 */
export function try_module_get(k: Kernel, ops: IommuOps): boolean {
  const module = pinned(k, ops);
  return module === null || k.state.modules[module]?.state !== 'going';
}

/**
 * The device holds the module of its IOMMU from here on.
 *
 * Kernel: drivers/iommu/iommu.c:__iommu_probe_device, which keeps what try_module_get gave, v6.1.
 * Leaves out: nothing.
 */
export function* keepModule(k: Kernel, ops: IommuOps, by: string): Path<void> {
  const module = pinned(k, ops);
  if (module !== null) yield { type: 'module.got', module, by };
}

/**
 * The device lets the module of its IOMMU go.
 *
 * Kernel: kernel/module/main.c:module_put(ops->owner), v6.1.
 * Leaves out: nothing.
 */
export function* module_put(k: Kernel, name: string | null, by: string): Path<void> {
  const ops = name === null ? null : k.ops.iommu(name);
  const module = ops === null ? null : pinned(k, ops);
  if (module !== null) yield { type: 'module.put', module, by };
}
