/** Stimuli as paths: what each of them makes the kernel do. */
import type { Single } from '../../events/stimulus.ts';
import type { Kernel } from '../context.ts';
import { issueDma } from '../hardware/transaction.ts';
import type { Path } from '../path.ts';
import { bind_store, driver_override_store, drivers_probe_store, unbind_store } from './bus.ts';
import { deferred_probe_timeout_work_func } from './dd-deferred.ts';
import { iommu_group_store_type } from './group-type.ts';
import { addDevice, do_initcalls, late_initcalls, registerDriver } from './init.ts';
import { delete_module, load_module, modprobe } from './module.ts';
import { new_id_store, remove_id_store } from './new-id.ts';
import { alloc_pages } from './page-alloc.ts';
import { param_attr_store } from './params.ts';
import { remove_store, rescan_store } from './pci.ts';
import { pciehp_ist, power_write_file } from './pciehp.ts';
import { kernel_restart } from './shutdown.ts';
import { callVfio, useVfio } from './vfio-user.ts';

/**
 * The path a stimulus runs. `user` names the program, for what it holds open.
 *
 * Kernel: the system calls and sysfs files that the paths named here stand for.
 * Leaves out: permissions, opening files that do not exist where a path checks for it.
 *
 * @returns a path that returns 0, a negative errno of the write or call, or a program's exit status.
 */
export function stimulusPath(k: Kernel, s: Single, user: string): Path<number> {
  switch (s.do) {
    case 'boot':
      return do_initcalls(k);
    case 'device_add':
      return addDevice(k, s.dev);
    case 'driver_register':
      return registerDriver(k, s.bus, s.drv);
    case 'late_initcall':
      return late_initcalls(k);
    case 'modprobe':
      return modprobe(k, s.module, s.params);
    case 'insmod':
      return load_module(k, s.module, s.params);
    case 'rmmod':
      return delete_module(k, s.module, s.force);
    case 'deferred_probe_timeout':
      return deferred_probe_timeout_work_func(k);
    case 'plug':
      return pciehp_ist(k, s.dev, s.present);
    case 'shutdown':
      return kernel_restart(k, s.how);
    case 'vfio':
      return useVfio(k, s, user);
    case 'vfio_ioctl':
      return callVfio(k, s);
    case 'vfio_release':
      return releaseVfio(s.hold);
    case 'dma':
      return issueDma(k, s);
    case 'page_alloc':
      return alloc_pages(k, s.start, s.length);
    case 'note':
      return noEffect();
    default:
      return sysfsPath(k, s);
  }
}

type SysfsWrite = Exclude<
  Single,
  {
    do:
      | 'boot'
      | 'device_add'
      | 'driver_register'
      | 'late_initcall'
      | 'modprobe'
      | 'insmod'
      | 'rmmod'
      | 'deferred_probe_timeout'
      | 'plug'
      | 'shutdown'
      | 'vfio'
      | 'vfio_ioctl'
      | 'vfio_release'
      | 'dma'
      | 'page_alloc'
      | 'note';
  }
>;

/** Without the name of a driver, the one that the device's link `driver` leads to as it is followed. */
function* unbindFrom(k: Kernel, s: Extract<SysfsWrite, { do: 'unbind' }>): Path<number> {
  const drv = s.drv || (k.state.devices[s.dev]?.driver ?? '');
  return yield* unbind_store(k, s.bus, drv, s.dev);
}

function sysfsPath(k: Kernel, s: SysfsWrite): Path<number> {
  switch (s.do) {
    case 'bind':
      return bind_store(k, s.bus, s.drv, s.dev);
    case 'unbind':
      return unbindFrom(k, s);
    case 'drivers_probe':
      return drivers_probe_store(k, s.bus, s.dev);
    case 'drivers_autoprobe':
      return setAutoprobe(s.bus, s.on);
    case 'driver_override':
      return driver_override_store(k, s.dev, s.drv);
    case 'new_id':
      return new_id_store(k, s.bus, s.drv, s.id);
    case 'remove_id':
      return remove_id_store(k, s.bus, s.drv, s.id);
    case 'remove':
      return remove_store(k, s.dev);
    case 'rescan':
      return rescan_store(k, s.dev);
    case 'slot_power':
      return power_write_file(k, s.slot, s.on);
    case 'group_type':
      return iommu_group_store_type(k, s.group, s.value);
    case 'module_param':
      return param_attr_store(k, s.module, s.param, s.value);
  }
}

function* setAutoprobe(bus: string, on: boolean): Path<number> {
  yield { type: 'bus.drivers_autoprobe', bus, on };
  return 0;
}

function* releaseVfio(hold: string): Path<number> {
  yield { type: 'vfio.user_released', hold };
  return 0;
}

function* noEffect(): Path<number> {
  yield* [];
  return 0;
}
