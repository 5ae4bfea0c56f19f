/** Which probes run beside the rest. Kernel: drivers/base/dd.c, v6.1. */
import type { Kernel } from '../context.ts';
import type { ReadDriver } from '../state/state.ts';
import { kstrtobool } from './kstrtobool.ts';

/** The first word of the names of asynchronous probes: async_synchronize_full joins them all. */
export const ASYNC = 'async';

/**
 * Does the driver want its probes to run beside the rest? A `*` on the command line turns the list
 * of names round.
 *
 * Kernel: drivers/base/dd.c:driver_allows_async_probing and cmdline_requested_async_probing, v6.1.
 * Leaves out: kernels before 6.2 that knew no `*`.
 */
export function driver_allows_async_probing(k: Kernel, drv: ReadDriver): boolean {
  if (drv.spec.probe_type !== 'default') return drv.spec.probe_type === 'async';
  const listed = (k.cmdline('driver_async_probe') ?? '').split(',');
  const named = listed.includes(drv.name);
  if (listed.includes('*') ? !named : named) return true;
  return drv.spec.module !== null && module_requested_async_probing(k, drv.spec.module);
}

/**
 * Was the module loaded with `async_probe`? What is no word for no means yes.
 *
 * Kernel: kernel/module/main.c:unknown_module_param_cb, v6.1.
 * Leaves out: nothing.
 */
export function module_requested_async_probing(k: Kernel, module: string): boolean {
  const asked = k.state.modules[module]?.params['async_probe'];
  return asked !== undefined && (kstrtobool(asked) ?? true);
}
