/** What kernel a finding needs, in lines: release, patches, options, drivers. */
import type { KernelSpec } from '../../events/machine.ts';
import type { Trace } from '../../events/trace.ts';
import { moduleOfDriver } from '../../model/firmware/driver-table.ts';
import { KNOWN_MODULES, moduleName } from '../../model/firmware/module-table.ts';
import { isOptionName } from '../../model/versions/option-table.ts';
import type { Patch } from '../../model/versions/patch.ts';
import { PATCHES } from '../../model/versions/patch-table.ts';
import { describeKernel, isPatchName, profileHas } from '../../model/versions/profile.ts';

/** Of a run; modules that it never loads are not needed. */
export function kernelNeeds({ header, events }: Trace): readonly string[] {
  const { kernel, machine } = header;
  const options = Object.entries(kernel.config).filter(([name]) => isOptionName(name));
  const drivers = machine.drivers.filter(({ bus }) => bus !== '');
  const builtIn = drivers
    .filter(({ module }) => module === null)
    .map(({ bus, name }) => withOption(name, moduleOfDriver(bus, name), 'y'));
  const modules = events.flatMap(({ event }) =>
    event.type === 'module.loading' ? [withOption(event.module, event.module, 'm')] : [],
  );
  return [
    `Linux ${releaseName(kernel)}`,
    ...Object.entries(kernel.patches).map(([name, on]) => patchNeed(kernel, name, on)),
    ...options.map(([name, value]) => optionLine(name, value)),
    ...(builtIn.length === 0 ? [] : [`built in: ${unique(builtIn).join(', ')}`]),
    ...(modules.length === 0 ? [] : [`modules: ${unique(modules).join(', ')}`]),
  ];
}

/** Drivers that no module in the model's table has; some are never modules. Source: the Makefiles of Linux 6.1. */
const OPTIONS: Readonly<Record<string, string>> = {
  ipmmu_vmsa: 'IPMMU_VMSA',
  pci_host_generic: 'PCI_HOST_GENERIC',
  pcieportdrv: 'PCIEPORTBUS',
  vfio_fsl_mc: 'VFIO_FSL_MC',
  vfio_platform: 'VFIO_PLATFORM',
};

/** `e1000e (CONFIG_E1000E=y)`; the name alone where its option is not known. */
function withOption(name: string, module: string, value: 'y' | 'm'): string {
  const known = KNOWN_MODULES.find((one) => one.name === moduleName(module))?.option;
  const other = value === 'y' && Object.hasOwn(OPTIONS, module) ? OPTIONS[module] : undefined;
  const option = known ?? other;
  return option === undefined ? name : `${name} (CONFIG_${option}=${value})`;
}

/** `6.1.y` where any stable release of the series will do. */
function releaseName(kernel: KernelSpec): string {
  const isSeries = kernel.release === null && /^\d+\.\d+$/.test(kernel.version);
  return isSeries ? describeKernel(kernel).replace(/^\d+\.\d+/, '$&.y') : describeKernel(kernel);
}

function optionLine(name: string, value: string): string {
  return value === 'n' ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${value}`;
}

function patchNeed({ version }: KernelSpec, name: string, on: boolean): string {
  if (!isPatchName(name)) return `${on ? 'with' : 'without'} ${name}`;
  const has = profileHas(version, name);
  const patch = patchText(name);
  if (on) return `with ${patch}${has ? '' : `, which ${version} has not: apply it`}`;
  const since = PATCHES[name].stable.find((release) => release.startsWith(`${version}.`));
  const older = since === undefined ? '' : `, or take a release before ${since}`;
  return `without ${patch}${has ? `, which ${version} has: revert it${older}` : ''}`;
}

/** `f429378a9bf8 ("driver core: …")`; the subject alone where no commit is known. */
function patchText(name: keyof typeof PATCHES): string {
  const { commit, subject }: Patch = PATCHES[name];
  return commit === null ? `"${subject}"` : `${commit} ("${subject}")`;
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
