/** The NVMe driver, which goes by itself where its controller does not answer. */
import type { DriverOps, Kernel } from '../context.ts';
import { ENODEV } from '../errno.ts';
import { type Path, path } from '../path.ts';
import { printk } from '../printk.ts';
import { device_release_driver_internal } from './dd-release.ts';
import { opaqueDriver } from './opaque-driver.ts';
import { shutBridgeAbove } from './pci-search.ts';

/**
 * Binds to the function and starts its controller beside it; registers that read as ones all over
 * end in a work item that takes the driver off again.
 *
 * Kernel: drivers/nvme/host/pci.c:nvme_probe and nvme_reset_work, v6.1.
 * Leaves out: the controller; kernels that start it in the probe (6.2 and later).
 *
 * @returns 0, -ENODEV for registers without an address, or what any driver's probe returns.
 */
const nvme_probe = path('nvme_probe', function* (k, dev: string, drv: string): Path<number> {
  const shut = shutBridgeAbove(k, dev);
  if (shut === null) return yield* opaqueDriver.probe(k, dev, drv);
  if (shut === 'no-room') return -ENODEV;
  const what = `nvme-reset-wq ${dev}`;
  yield { type: 'spawn', what, path: () => nvme_remove_dead_ctrl_work(k, dev) };
  return 0;
});

/**
 * Kernel: drivers/nvme/host/pci.c:nvme_remove_dead_ctrl and nvme_remove_dead_ctrl_work, v6.1.
 * Leaves out: the number of the controller.
 */
const nvme_remove_dead_ctrl_work = path(
  'nvme_remove_dead_ctrl_work',
  function* (k: Kernel, dev: string): Path<number> {
    yield printk('warn', `nvme nvme0: Removing after probe failure status: ${-ENODEV}`);
    yield* device_release_driver_internal(k, dev);
    return 0;
  },
);

/**
 * Kernel: drivers/nvme/host/pci.c:nvme_driver, v6.1.
 * Leaves out: see above.
 */
export const nvmeDriver: DriverOps = { ...opaqueDriver, probe: nvme_probe };
