/** Modules: loading, use counts, unloading. Kernel: kernel/module/main.c, v6.1; kmod's modprobe. */
import type { Kernel } from '../context.ts';
import { EAGAIN, EBUSY, EEXIST, ENOENT } from '../errno.ts';
import { moduleName } from '../firmware/module-table.ts';
import { type Path, path } from '../path.ts';
import { printk } from '../printk.ts';
import { parseCmdline } from '../versions/profile.ts';
import { driver_register, driver_unregister } from './bus.ts';
import { ASYNC, module_requested_async_probing } from './dd-async.ts';
import { driversAsBuilt, isBuiltIn } from './kconfig.ts';
import { bootParams } from './params.ts';

/**
 * Loads a module with all that it needs.
 *
 * Kernel: kmod's modprobe over init_module.
 * Leaves out: soft dependencies, blacklists, install commands.
 *
 * @returns 0, also when it is loaded or built in; -ENOENT for a module that does not exist; or what
 * its init returned.
 */
export const modprobe: (k: Kernel, given: string, params: string) => Path<number> = path(
  'modprobe',
  function* (k, given: string, params: string): Path<number> {
    const name = moduleName(given);
    if (k.state.modules[name] !== undefined || isBuiltIn(k, name)) return 0;
    const spec = k.machine.modules.find((module) => module.name === name);
    if (spec === undefined) return -ENOENT;
    for (const other of spec.depends) {
      const ret = yield* modprobe(k, other, '');
      if (ret !== 0) return ret;
    }
    return yield* load_module(k, name, params);
  },
);

/**
 * Loads one module: its init registers its drivers, and their probes run inside it.
 *
 * Kernel: kernel/module/main.c:load_module and do_init_module, v6.1.
 * Leaves out: signatures, versions of symbols.
 *
 * @returns 0; -EEXIST when it is loaded; -ENOENT for one that does not exist or uses symbols that
 * nothing exports; or what its init returned.
 */
export const load_module = path(
  'load_module',
  function* (k, given: string, params: string): Path<number> {
    const module = moduleName(given);
    if (k.state.modules[module] !== undefined) return -EEXIST;
    const spec = k.machine.modules.find((m) => m.name === module);
    if (spec === undefined) return -ENOENT;
    for (const symbol of spec.unresolved ?? [])
      yield printk('warn', `${module}: Unknown symbol ${symbol} (err ${-ENOENT})`);
    if ((spec.unresolved?.length ?? 0) > 0) return -ENOENT;
    const depends = spec.depends.filter((other) => k.state.modules[other] !== undefined);
    yield { type: 'module.loading', module, depends };
    yield* setParams(module, [...bootParams(k, module), ...parseCmdline(params)]);
    const ret = spec.init ?? (yield* initModule(k, module));
    if (ret < 0) {
      yield { type: 'module.unloaded', module };
      return ret;
    }
    yield { type: 'module.live', module };
    if (!module_requested_async_probing(k, module)) yield { type: 'join', what: ASYNC };
    return 0;
  },
);

function* setParams(module: string, params: Iterable<readonly [string, string]>): Path<void> {
  for (const [param, value] of params)
    if (param !== '') yield { type: 'module.param', module, param, value };
}

function* initModule(k: Kernel, module: string): Path<number> {
  const { init, registered } = k.ops.module(module);
  if (init !== undefined) {
    const ret = yield* init(k, module);
    if (ret !== 0) return ret;
  }
  for (const spec of driversAsBuilt(k)) {
    if (spec.module !== module) continue;
    const ret = yield* driver_register(k, spec);
    if (ret !== 0) return ret;
  }
  return registered === undefined ? 0 : yield* registered(k, module);
}

/** Is there a module that uses its symbols? No force helps against that. */
function isNeeded(k: Kernel, module: string): boolean {
  return Object.values(k.state.modules).some(({ depends }) => depends.includes(module));
}

/**
 * Unloads a module.
 *
 * Kernel: kernel/module/main.c:delete_module, v6.1.
 * Leaves out: failing notifiers.
 *
 * @returns 0; -ENOENT when it is not loaded; -EAGAIN while another module needs it, or while it is in
 * use and not forced; -EBUSY when it is coming or going, or has no exit function and is not forced.
 */
export const delete_module = path(
  'delete_module',
  function* (k, given: string, force: boolean): Path<number> {
    const module = moduleName(given);
    const loaded = k.state.modules[module];
    if (loaded === undefined) return -ENOENT;
    if (isNeeded(k, module)) return -EAGAIN;
    if (loaded.state !== 'live') return -EBUSY;
    const forced = force && k.config('MODULE_FORCE_UNLOAD') === 'y';
    const spec = k.machine.modules.find((other) => other.name === module);
    if (spec?.no_exit === true && !forced) return -EBUSY;
    if (loaded.holders.length > 0 && !forced) return -EAGAIN;
    yield { type: 'module.going', module };
    for (const drv of driversAsBuilt(k).toReversed())
      if (drv.module === module) yield* driver_unregister(k, drv.bus, drv.name);
    const { exit } = k.ops.module(module);
    if (exit !== undefined) yield* exit(k, module);
    yield { type: 'join', what: ASYNC };
    yield { type: 'module.unloaded', module };
    return 0;
  },
);
