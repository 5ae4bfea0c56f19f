/** The kernel's own boot. Kernel: init/main.c, drivers/of/platform.c, v6.1. */
import {
  type BootStep,
  INITCALL_LEVELS,
  type InitcallLevel,
  isX86Iommu,
} from '../../events/machine.ts';
import type { Kernel } from '../context.ts';
import { ENODEV } from '../errno.ts';
import { moduleOfDriver } from '../firmware/driver-table.ts';
import { type Path, path } from '../path.ts';
import { pr_debug, printk } from '../printk.ts';
import { early_amd_iommu_init } from './amd-iommu.ts';
import { arm_smmu_legacy_bus_init } from './arm-smmu.ts';
import { driver_register } from './bus.ts';
import { device_add } from './core.ts';
import { ASYNC } from './dd-async.ts';
import { deferred_probe_initcall } from './dd-deferred.ts';
import { defaultDomainType, isStrict, passthroughOnCmdline } from './default-domain.ts';
import { wait_for_init_devices_probe } from './fw-devlink-init.ts';
import { early_intel_init } from './intel-dmar.ts';
import { driverAsBuilt, driversAsBuilt } from './kconfig.ts';
import { kstrtobool } from './kstrtobool.ts';
import { pci_host_probe } from './pci.ts';
import { hostsOf } from './pci-hardware.ts';
import { pci_sysfs_init } from './pci-sysfs.ts';
import {
  clk_disable_unused,
  device_links_supplier_sync_state_pause,
  device_links_supplier_sync_state_resume,
} from './sync-state.ts';
import { initX86Iommu } from './x86-iommu.ts';

/**
 * Steps of a boot for which the machine gives none: built-in drivers by their initcall levels, in the
 * machine's order within a level; devices come after the level arch.
 */
function defaultBoot(k: Kernel): readonly BootStep[] {
  const drivers = driversAsBuilt(k);
  const at = (level: InitcallLevel): readonly BootStep[] =>
    drivers
      .filter(({ module, initcall }) => module === null && (initcall ?? 'device') === level)
      .map(({ bus, name }) => ({ step: 'driver', bus, drv: name }));
  const split = INITCALL_LEVELS.indexOf('arch') + 1;
  return [
    ...INITCALL_LEVELS.slice(0, split).flatMap(at),
    { step: 'populate' },
    ...INITCALL_LEVELS.slice(split).flatMap(at),
    { step: 'late_initcall' },
  ];
}

/**
 * The boot as the machine gives it. A driver that it has as a module, in a kernel that cannot build
 * it as one, registers last of all drivers.
 */
function givenBoot(k: Kernel): readonly BootStep[] {
  const { boot, drivers } = k.machine;
  const modular = new Set(drivers.filter(({ module }) => module !== null).map(({ name }) => name));
  const listed = new Set(boot.map((step) => (step.step === 'driver' ? step.drv : '')));
  const forced = driversAsBuilt(k).filter(
    ({ module, name }) => module === null && modular.has(name) && !listed.has(name),
  );
  const steps = forced.map(({ bus, name }) => ({ step: 'driver', bus, drv: name }) as const);
  const late = boot.findIndex(({ step }) => step === 'late_initcall');
  const at = late < 0 ? boot.length : late;
  return [...boot.slice(0, at), ...steps, ...boot.slice(at)];
}

/**
 * Runs the initcalls that matter to the model, in the order the machine gives.
 *
 * Kernel: init/main.c:do_initcalls, v6.1.
 * Leaves out: everything that neither adds devices nor registers drivers.
 *
 * @returns 0.
 */
export const do_initcalls = path('do_initcalls', function* (k): Path<number> {
  yield* early_intel_init(k);
  yield* early_amd_iommu_init(k);
  yield* request_acs(k);
  for (const step of k.machine.boot.length > 0 ? givenBoot(k) : defaultBoot(k)) {
    yield* initcall(k, step);
    yield { type: 'cond_resched' };
  }
  yield { type: 'join', what: ASYNC };
  return 0;
});

function* initcall(k: Kernel, step: BootStep): Path<number> {
  switch (step.step) {
    case 'populate':
      yield* of_platform_default_populate(k);
      return hasStep(k, 'iommu_subsys') ? 0 : yield* iommu_subsys_init(k);
    case 'iommu_subsys':
      return yield* iommu_subsys_init(k);
    case 'device':
      return yield* addDevice(k, step.dev);
    case 'driver':
      return yield* registerDriver(k, step.bus, step.drv);
    case 'iommu':
      return yield* initX86Iommu(k, step.iommu);
    case 'late_initcall':
      return yield* late_initcalls(k);
  }
}

function hasStep(k: Kernel, wanted: BootStep['step']): boolean {
  return k.machine.boot.some(({ step }) => step === wanted);
}

/**
 * The end of the boot: suppliers may hear of their consumers, deferred devices are retried.
 *
 * Kernel: device_initcall_sync of drivers/iommu/arm/arm-smmu/arm-smmu.c; late_initcall of
 * drivers/pci/pci-sysfs.c, drivers/base/core.c and drivers/base/dd.c; late_initcall_sync of
 * drivers/clk/clk.c and drivers/of/platform.c, v6.1.
 * Leaves out: the other initcalls of these levels.
 */
export const late_initcalls = path('late_initcalls', function* (k): Path<number> {
  yield* arm_smmu_legacy_bus_init(k);
  yield* pci_sysfs_init(k);
  yield* device_links_supplier_sync_state_resume(k);
  const ret = yield* deferred_probe_initcall(k);
  if (isOnNfs(k)) yield* wait_for_init_devices_probe(k);
  yield* clk_disable_unused(k);
  // The pause that of_platform_default_populate began.
  if (k.state.defer_sync_state_count > 0) yield* device_links_supplier_sync_state_resume(k);
  return ret;
});

/** Kernel: net/ipv4/ipconfig.c:wait_for_devices, v6.1. */
const isOnNfs = (k: Kernel): boolean => k.cmdline('root') === '/dev/nfs';

/**
 * ACS is asked for before the PCI scan where firmware tables tell of IOMMUs early.
 *
 * Kernel: drivers/acpi/arm64/iort.c:iort_enable_acs, drivers/iommu/intel/dmar.c:detect_intel_iommu,
 * v6.1.
 * Leaves out: nothing.
 */
const request_acs = path('pci_request_acs', function* (k): Path<void> {
  const maps = k.machine.devices.some((device) => device.iommu_map !== undefined);
  if (k.machine.firmware === 'acpi' && maps) yield { type: 'pci.acs_requested' };
});

/**
 * Says what DMA will go through.
 *
 * Kernel: drivers/iommu/iommu.c:iommu_subsys_init, v6.1.
 * Leaves out: memory encryption.
 */
const iommu_subsys_init = path('iommu_subsys_init', function* (k): Path<number> {
  if (k.config('IOMMU_API') === 'n' || !k.has('domain_type_in_log')) return 0;
  const type = defaultDomainType(k) === 'identity' ? 'Passthrough' : 'Translated';
  const by = passthroughOnCmdline(k) === null ? '' : '(set via kernel command line)';
  yield printk('info', `iommu: Default domain type: ${type} ${by}`);
  if (type === 'Passthrough' || !k.has('dma_policy_in_log')) return 0;
  const strictness = isStrict(k) ? 'strict' : 'lazy';
  const set = kstrtobool(k.cmdline('iommu.strict')) === null ? '' : '(set via kernel command line)';
  yield printk('info', `iommu: DMA domain TLB invalidation policy: ${strictness} mode ${set}`);
  return 0;
});

/**
 * The devices that firmware describes come into being; a PCI root that no driver drives is scanned.
 *
 * Kernel: drivers/of/platform.c:of_platform_default_populate_init, drivers/acpi/scan.c:acpi_scan_init
 * and drivers/acpi/pci_root.c:acpi_pci_root_add, v6.1.
 * Leaves out: nodes that parent drivers populate.
 */
const of_platform_default_populate = path(
  'of_platform_default_populate',
  function* (k): Path<number> {
    if (k.machine.firmware !== 'acpi') yield* device_links_supplier_sync_state_pause(k);
    const roots = new Set(hostsOf(k.machine));
    const inBoot = new Set(
      k.machine.boot.flatMap((step) => (step.step === 'device' ? step.dev : [])),
    );
    for (const spec of k.machine.devices) {
      const { name, pci, disabled, iommu_kind } = spec;
      if (pci !== undefined || disabled === true || inBoot.has(name)) continue;
      if (k.state.devices[name] !== undefined || isX86Iommu(iommu_kind)) continue;
      if (spec.bus !== NO_BUS) yield* device_add(k, spec);
      else if (roots.has(name)) {
        yield* pr_debug(k, 'drivers/base/core.c', `device: '${name}': device_add`);
        yield { type: 'device.added', dev: name, spec };
        yield* pci_host_probe(k, name);
      }
    }
    return 0;
  },
);

/** The bus of a device that is on none: a PCI root of ACPI. */
const NO_BUS = '';

/**
 * Adds one device of the machine.
 *
 * Kernel: none: whatever code of the kernel creates the device.
 * Leaves out: the code that creates it.
 *
 * @returns what device_add returns, -ENODEV for a device that the machine does not have.
 */
export function* addDevice(k: Kernel, dev: string): Path<number> {
  const spec = k.machine.devices.find((device) => device.name === dev);
  return spec === undefined ? -ENODEV : yield* device_add(k, spec);
}

/**
 * Registers one driver of the machine.
 *
 * Kernel: the module_init or initcall of the driver.
 * Leaves out: what it does beside registering.
 *
 * @returns what driver_register or the rest of its init returns, -ENODEV for a driver that the machine
 * does not have.
 */
export function* registerDriver(k: Kernel, bus: string, drv: string): Path<number> {
  const spec = k.machine.drivers.find((driver) => driver.bus === bus && driver.name === drv);
  const built = spec === undefined ? null : driverAsBuilt(k, spec);
  if (built === null) return -ENODEV;
  const ret = yield* driver_register(k, built);
  const module = moduleOfDriver(bus, drv);
  const { registered } = k.ops.module(module);
  if (ret !== 0 || built.module !== null || registered === undefined) return ret;
  return yield* registered(k, module);
}
