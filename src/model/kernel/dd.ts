/** Binding a driver to a device and letting it go. Kernel: drivers/base/dd.c, v6.1 unless said. */
import type { Kernel } from '../context.ts';
import { EAGAIN, ENODEV, ENXIO, EPROBE_DEFER } from '../errno.ts';
import { deviceOf, driverOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_dbg, dev_printk, pr_debug, printk } from '../printk.ts';
import { arch_teardown_dma_ops, dmam_release, isArm } from './arm-dma-mapping.ts';
import { driver_deferred_probe_del, driver_deferred_probe_trigger } from './dd-deferred.ts';
import {
  device_links_check_suppliers,
  device_links_driver_bound,
  device_links_no_driver,
} from './device-links.ts';
import { notifyGroup } from './vfio-viable.ts';

const FILE = 'drivers/base/dd.c';

/**
 * Binds `dev` to `drv`, or undoes every step taken when one fails.
 *
 * With DEBUG_TEST_DRIVER_REMOVE the driver is removed once after a successful probe and probed again.
 *
 * Kernel: drivers/base/dd.c:really_probe, v6.1.
 * Leaves out: pinctrl, sysfs links, power domains, device attribute groups, devres leftovers.
 *
 * @returns 0; a negative errno of a step before the driver's own probe (suppliers, dma_configure);
 * or the driver's own errno as a positive number. Without probe_errors_positive a failed dma_configure
 * counts as the driver's, too.
 */
export const really_probe = path(
  'really_probe',
  function* (k, dev: string, drv: string): Path<number> {
    if (k.state.deferred.defer_all_probes) {
      yield* dev_dbg(k, FILE, dev, `Driver ${drv} force probe deferral`);
      return -EPROBE_DEFER;
    }
    const link_ret = yield* device_links_check_suppliers(k, dev);
    if (link_ret === -EPROBE_DEFER) return link_ret;

    const { bus } = deviceOf(k, dev);
    const where = `bus: '${bus}': really_probe:`;
    yield* dd_dbg(k, dev, [
      `${where} probing driver ${drv} with device ${dev}`,
      `${where} probing driver ${drv} with device`,
    ]);
    let test_remove = testsRemoval(k, bus, drv);
    for (;;) {
      yield { type: 'probe.started', dev, drv };
      if (k.has('dma_configure_at_probe')) {
        const ret = yield* dma_configure(k, dev);
        if (ret !== 0) {
          if (tellsOfConfigure(k)) yield { type: 'driver.not_bound', dev, drv };
          yield* unwind(k, dev, drv);
          if (k.has('probe_errors_positive')) return ret;
          yield* reportProbe(k, dev, drv, ret);
          return -ret;
        }
      }
      const ret = yield* call_driver_probe(k, dev, drv);
      if (ret !== 0) {
        yield { type: 'driver.not_bound', dev, drv };
        yield* dma_cleanup(k, dev);
        yield* unwind(k, dev, drv);
        if (!k.has('probe_errors_positive')) yield* reportProbe(k, dev, drv, ret);
        return link_ret === -EAGAIN ? EPROBE_DEFER : -ret;
      }
      if (!test_remove) break;
      test_remove = false;
      yield* test_remove_pass(k, dev, drv);
    }
    yield* driver_bound(k, dev, drv);
    yield* dd_dbg(k, dev, [
      `${where} bound device ${dev} to driver ${drv}`,
      `${where} bound device to driver ${drv}`,
    ]);
    return 0;
  },
);

/**
 * Does the ladder tell the bus that a failed dma_configure left the device unbound? It did as long as
 * it went through probe_failed: not yet where teardown came before devres, and not since the goto.
 */
function tellsOfConfigure(k: Kernel): boolean {
  return k.has('devres_before_dma_teardown') && !k.has('dma_configure_goto');
}

/** Does this kernel take the driver away once, to test that it can go? */
function testsRemoval(k: Kernel, bus: string, drv: string): boolean {
  const spec = driverOf(k, bus, drv)?.spec;
  return k.config('DEBUG_TEST_DRIVER_REMOVE') === 'y' && !(spec?.suppress_bind_attrs ?? false);
}

/**
 * The removal between the two probes of DEBUG_TEST_DRIVER_REMOVE.
 *
 * Kernel: drivers/base/dd.c:really_probe, the `if (test_remove)` block. Without the patch
 * test_remove_dma_cleanup it gives no DMA ownership back, without test_remove_teardown no operations.
 * Leaves out: device links, which it leaves in CONSUMER_PROBE on purpose, as the kernel does.
 */
const test_remove_pass = path('test_remove', function* (k, dev: string, drv: string): Path<void> {
  yield { type: 'probe.test_removed', dev, drv };
  yield* device_remove(k, dev, drv);
  if (k.has('test_remove_dma_cleanup')) yield* dma_cleanup(k, dev);
  if (k.has('test_remove_teardown')) yield* device_unbind_cleanup(k, dev);
  else yield* devres_release_all(k, dev);
});

/** The tail of really_probe's ladder: links and what device_unbind_cleanup clears. */
function* unwind(k: Kernel, dev: string, drv: string): Path<void> {
  yield { type: 'probe.unwound', dev, drv };
  yield* device_links_no_driver(k, dev);
  yield* device_unbind_cleanup(k, dev);
}

/**
 * Clears what a driver left on the device, and with devres_before_dma_teardown the DMA operations.
 *
 * Kernel: drivers/base/dd.c:device_unbind_cleanup, v6.1.
 * Leaves out: power domains, driver data.
 */
export function* device_unbind_cleanup(k: Kernel, dev: string): Path<void> {
  yield* devres_release_all(k, dev);
  if (isArm(k) && k.has('devres_before_dma_teardown')) yield* arch_teardown_dma_ops(k, dev);
}

/** Managed resources go, and the driver's name with them. */
function* devres_release_all(k: Kernel, dev: string): Path<void> {
  yield* dmam_release(k, dev);
  yield { type: 'device.unbind_cleanup', dev };
}

/**
 * Asks the bus to configure DMA for the device; before bus_dma_configure_cb one function did it for
 * devices of every bus.
 *
 * Kernel: drivers/base/dd.c:really_probe, v6.1; drivers/base/dma-mapping.c:dma_configure, v4.12.
 * Leaves out: nothing.
 *
 * @returns 0 or what the bus returned.
 */
export function* dma_configure(k: Kernel, dev: string): Path<number> {
  const configure = k.ops.bus(deviceOf(k, dev).bus).dma_configure;
  if (configure === undefined && k.has('bus_dma_configure_cb')) return 0;
  const ret = configure === undefined ? 0 : yield* configure(k, dev);
  yield { type: 'dma.configured', dev, ret };
  return ret;
}

/**
 * Calls bus->dma_cleanup, where the bus has one and the kernel calls it.
 *
 * Kernel: drivers/base/dd.c:really_probe and __device_release_driver, v6.1; drivers/base/dma-mapping.c:
 * dma_deconfigure, v4.12, before devres_before_dma_teardown.
 * Leaves out: nothing.
 */
export function* dma_cleanup(k: Kernel, dev: string): Path<void> {
  if (isArm(k) && !k.has('devres_before_dma_teardown')) yield* arch_teardown_dma_ops(k, dev);
  const cleanup = k.ops.bus(deviceOf(k, dev).bus).dma_cleanup;
  if (cleanup === undefined || !k.has('bus_dma_cleanup')) return;
  yield* cleanup(k, dev);
  yield { type: 'dma.cleaned', dev };
}

/**
 * Calls the probe of the driver.
 *
 * Kernel: drivers/base/dd.c:call_driver_probe, v6.1; before it existed the result was reported after
 * the unwinding.
 * Leaves out: nothing.
 *
 * @returns what the driver's probe returned.
 */
const call_driver_probe = path(
  'call_driver_probe',
  function* (k, dev: string, drv: string): Path<number> {
    const ret = yield* k.ops.driver(deviceOf(k, dev).bus, drv).probe(k, dev, drv);
    yield { type: 'driver.probed', dev, drv, ret };
    if (k.has('probe_errors_positive')) yield* reportProbe(k, dev, drv, ret);
    return ret;
  },
);

/** Says at the right level how a probe went. */
function* reportProbe(k: Kernel, dev: string, drv: string, ret: number): Path<void> {
  if (ret === -EPROBE_DEFER) {
    yield* dev_dbg(k, FILE, dev, `Driver ${drv} requests probe deferral`);
  } else if (ret === -ENODEV || ret === -ENXIO) {
    yield* dd_dbg(k, dev, [
      `${drv}: probe of ${dev} rejects match ${ret}`,
      `probe with driver ${drv} rejects match ${ret}`,
    ]);
  } else if (ret !== 0) {
    yield k.has('probe_wording')
      ? dev_printk(k, 'err', dev, `probe with driver ${drv} failed with error ${ret}`)
      : printk('warn', `${drv}: probe of ${dev} failed with error ${ret}`);
  }
}

/**
 * A debug line of this file: the old wording names the device itself, the new one as a prefix.
 *
 * Kernel: drivers/base/dd.c, v6.1 and v6.12.
 * Leaves out: nothing.
 */
export function dd_dbg(k: Kernel, dev: string, [old, now]: readonly [string, string]): Path<void> {
  return k.has('probe_wording') ? dev_dbg(k, FILE, dev, now) : pr_debug(k, FILE, old);
}

/**
 * Lets the driver take its hands off the device.
 *
 * Kernel: drivers/base/dd.c:device_remove, v6.1: bus->remove or drv->remove.
 * Leaves out: attribute groups.
 */
export function* device_remove(k: Kernel, dev: string, drv: string): Path<void> {
  const { remove } = k.ops.driver(deviceOf(k, dev).bus, drv);
  if (remove !== undefined) yield* remove(k, dev, drv);
  yield { type: 'driver.removed', dev, drv };
}

/**
 * Records the binding and retries what waited for it.
 *
 * Kernel: drivers/base/dd.c:driver_bound, v6.1.
 * Leaves out: uevents, pm callbacks.
 */
const driver_bound = path('driver_bound', function* (k, dev: string, drv: string): Path<void> {
  if (deviceOf(k, dev).bound) {
    yield printk('warn', `driver_bound: device ${dev} already bound`);
    return;
  }
  const text = `driver: '${drv}': driver_bound: bound to device`;
  yield* dd_dbg(k, dev, [`${text} '${dev}'`, text]);
  yield { type: 'driver.bound', dev, drv };
  yield* device_links_driver_bound(k, dev);
  yield* driver_deferred_probe_del(k, dev);
  yield* driver_deferred_probe_trigger(k);
  yield* notifyGroup(k, 'bound', dev);
});
