/** Parameters of modules, loaded or built in. Kernel: kernel/params.c, v6.1. */
import type { Kernel } from '../context.ts';
import { EINVAL, ENOENT } from '../errno.ts';
import { moduleOfDriver } from '../firmware/driver-table.ts';
import { moduleName } from '../firmware/module-table.ts';
import { deviceOf, driver_module } from '../lookup.ts';
import type { Path } from '../path.ts';
import { parseCmdline } from '../versions/profile.ts';
import { isBuiltIn } from './kconfig.ts';
import { kstrtobool } from './kstrtobool.ts';

/** What parameters of the module are called before the dot. */
function prefixOf(k: Kernel, module: string): string {
  const isModular = k.has('smmu_modular') || k.has('smmu_module_v1');
  const isRenamed = module === 'arm_smmu' && isModular && !k.has('smmu_module_name_fix');
  return isRenamed ? 'arm_smmu_mod' : module;
}

/**
 * What the kernel's command line says of a module, by parameter; a word without a value is ''.
 *
 * Kernel: kernel/params.c:parameqn, which takes `-` for `_`; for loaded modules kmod, which reads
 * /proc/cmdline. The first modular SMMU driver was called arm-smmu-mod, so that parameters under the
 * old name were nobody's.
 * Leaves out: nothing.
 */
export function bootParams(k: Kernel, module: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of parseCmdline(k.spec.cmdline)) {
    const [prefix = '', param, ...rest] = key.split('.');
    if (param === undefined || rest.length > 0) continue;
    if (moduleName(prefix) === prefixOf(k, module)) found.set(param.replaceAll('-', '_'), value);
  }
  return found;
}

/**
 * The value of a parameter: of the loaded module, or else what was written to that of a built-in one,
 * or what the command line says of it.
 *
 * Kernel: struct kernel_param, v6.1.
 * Leaves out: types, of which the reader takes care.
 *
 * @returns null where nobody set it.
 */
export function moduleParam(k: Kernel, module: string, name: string): string | null {
  const loaded = k.state.modules[module];
  if (loaded !== undefined) return loaded.params[name] ?? null;
  return k.state.builtin_params[module]?.[name] ?? bootParams(k, module).get(name) ?? null;
}

/**
 * The same for a parameter that is yes or no: its mere name means yes.
 *
 * Kernel: kernel/params.c:param_set_bool, v6.1.
 * Leaves out: that a module is not loaded with a value that is neither.
 *
 * @returns null where nobody set it, or set it to no such word.
 */
export function boolParam(k: Kernel, module: string, name: string): boolean | null {
  const text = moduleParam(k, module, name);
  return text === '' ? true : kstrtobool(text);
}

/**
 * The same of the module whose driver has the device, built in or not.
 *
 * Kernel: none: a driver reads its own variable.
 * Leaves out: nothing.
 */
export function ownBoolParam(k: Kernel, dev: string, name: string): boolean | null {
  return boolParam(k, ownModule(k, dev), name);
}

/**
 * The text of such a parameter; null where nobody set it.
 *
 * Kernel: as ownBoolParam.
 * Leaves out: nothing.
 */
export function ownParam(k: Kernel, dev: string, name: string): string | null {
  return moduleParam(k, ownModule(k, dev), name);
}

function ownModule(k: Kernel, dev: string): string {
  const { bus, driver } = deviceOf(k, dev);
  return driver_module(k, dev) ?? moduleOfDriver(bus, driver ?? '');
}

/**
 * Writes a module parameter.
 *
 * Kernel: kernel/params.c:param_attr_store, v6.1.
 * Leaves out: what the parameter means, its type and its permissions.
 *
 * @returns 0, or -ENOENT when the module is neither loaded nor built in.
 */
export function* param_attr_store(
  k: Kernel,
  given: string,
  param: string,
  value: string,
): Path<number> {
  const module = moduleName(given);
  if (k.state.modules[module] === undefined && !isBuiltIn(k, module)) return -ENOENT;
  if (value === '') return -EINVAL;
  yield { type: 'module.param', module, param, value };
  return 0;
}
