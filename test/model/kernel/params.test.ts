import { describe, expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import type { DriverSpec, KernelSpec, Machine } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { module_requested_async_probing } from '../../../src/model/kernel/dd-async.ts';
import { boolParam, moduleParam } from '../../../src/model/kernel/params.ts';
import { driverKnowledge } from '../../../src/scenario/known-drivers.ts';
import { runScenario } from '../scenario-run.ts';
import {
  ASSIGN_NIC,
  BOOT,
  kernel,
  NIC,
  NIC_GROUP,
  runSmall,
  smallMachine,
  USE_NIC,
} from '../small-machine.ts';

/** The small machine with VFIO built in, and further drivers that the table knows. */
function builtInVfio(...names: readonly string[]): Machine {
  const { drivers, modules, ...rest } = smallMachine();
  const known = names.flatMap((name): DriverSpec[] => {
    const driver = driverKnowledge.known?.(name);
    return driver === undefined ? [] : [driver];
  });
  return {
    ...rest,
    drivers: [...drivers.map((driver) => ({ ...driver, module: null })), ...known],
    modules: modules.filter(({ name }) => !name.startsWith('vfio')),
  };
}

function runBuiltIn(
  stimuli: readonly Stimulus[],
  over: Partial<KernelSpec> = {},
  machine = builtInVfio(),
) {
  return runAll({ machine, kernel: kernel(over) }, stimuli);
}

/** What the stimuli after the boot returned. */
const returnsOf = (run: ReturnType<typeof runBuiltIn>): unknown[] =>
  run.scheduler.events.flatMap(({ event, task }) =>
    event.type === 'task.finished' && /^(?:modprobe|sh)-/.test(task) ? [event.ret] : [],
  );

const modprobe = (module: string, params = ''): Stimulus => ({ do: 'modprobe', module, params });
const write = (module: string, param: string, value: string): Stimulus => ({
  do: 'module_param',
  module,
  param,
  value,
});

describe('parameters of a built-in module', () => {
  it.each(['vfio-pci.ids=8086:10d3', 'vfio_pci.ids=8086:10d3'])('%s adds an id', (cmdline) => {
    const { state } = runBuiltIn([BOOT], { cmdline });
    const ids = state.buses['pci']?.drivers['vfio-pci']?.dynamic_ids;
    expect(ids).toEqual(['pci:v00008086d000010D3sv*sd*bc*sc*i*']);
    expect(runBuiltIn([BOOT]).state.buses['pci']?.drivers['vfio-pci']?.dynamic_ids).toEqual([]);
  });

  it('come from the command line, then from what was written', () => {
    const cmdline = 'vfio.enable_unsafe_noiommu_mode vfio_iommu_type1.allow-unsafe-interrupts=Y';
    const booted = runBuiltIn([BOOT], { cmdline }).kernel;
    expect(boolParam(booted, 'vfio', 'enable_unsafe_noiommu_mode')).toBe(true);
    expect(boolParam(booted, 'vfio_iommu_type1', 'allow_unsafe_interrupts')).toBe(true);
    expect(boolParam(booted, 'vfio_pci', 'disable_denylist')).toBeNull();
    const off = write('vfio', 'enable_unsafe_noiommu_mode', 'N');
    const written = runBuiltIn([BOOT, off], { cmdline });
    expect(boolParam(written.kernel, 'vfio', 'enable_unsafe_noiommu_mode')).toBe(false);
    expect(returnsOf(written)).toEqual([0]);
  });

  it('cannot be written of a module that is neither loaded nor built in', () => {
    const writes = ['vfio', 'vfio-iommu-type1', 'nothing'].map((name) => write(name, 'p', '1'));
    expect(returnsOf(runBuiltIn([BOOT, ...writes]))).toEqual([0, 0, -2]);
    expect(returnsOf(runSmall([BOOT, ...writes]))).toEqual([-2, -2, -2]);
  });

  it('are not those of a loaded one', () => {
    const loads = [BOOT, modprobe('vfio_pci', 'disable_denylist=1')];
    const { kernel: k } = runSmall(loads, {}, { cmdline: 'vfio-pci.ids=1:2' });
    expect(moduleParam(k, 'vfio_pci', 'ids')).toBe('1:2');
    expect(moduleParam(k, 'vfio_pci', 'disable_denylist')).toBe('1');
    expect(k.state.builtin_params).toEqual({});
  });
});

describe('words without a value', () => {
  it.each([
    ['async_probe', '', true],
    ['async_probe=maybe', 'maybe', true],
    ['async_probe=off', 'off', false],
    ['', undefined, false],
  ])('modprobe vfio_pci %s', (params, value, isAsync) => {
    const { kernel: k } = runSmall([BOOT, modprobe('vfio_pci', params)]);
    expect(k.state.modules['vfio_pci']?.params['async_probe']).toBe(value);
    expect(module_requested_async_probing(k, 'vfio_pci')).toBe(isAsync);
  });
});

describe('the parameter of a modular SMMU driver', () => {
  it.each([
    ['disable_bypass=0', 'bypass'],
    ['disable_bypass=1', 'fault'],
    ['', 'fault'],
  ])('modprobe arm_smmu %s: unmatched streams %s', (params, unmatched) => {
    const { state } = runScenario('unclaimed-streams-fault-by-default', {
      patches: { smmu_modular: true, smmu_module_name_fix: true, disable_bypass_default: true },
      driver: (spec) => (spec.name === 'arm-smmu' ? { ...spec, module: 'arm_smmu' } : spec),
      module: { name: 'arm_smmu', depends: [] },
      more: [modprobe('arm_smmu', params)],
    });
    expect(Object.values(state.smmus).map((smmu) => smmu.unmatched)).toEqual([unmatched]);
  });
});

describe('a built-in driver', () => {
  it.each([
    ['i801_smbus', 'i2c_i801'],
    ['uart-pl011', 'amba_pl011'],
    ['xhci_hcd', 'xhci_pci'],
  ])('%s has its module %s built in', (drv, module) => {
    const machine = builtInVfio(drv);
    expect(returnsOf(runBuiltIn([BOOT, modprobe(module)], {}, machine))).toEqual([0]);
    const none = { ...machine, drivers: [], modules: [] };
    expect(returnsOf(runBuiltIn([BOOT, modprobe(module)], {}, none))).toEqual([-2]);
  });

  it('is not held by the user of its device', () => {
    const got = (run: ReturnType<typeof runBuiltIn>) =>
      run.scheduler.events.flatMap(({ event }) =>
        event.type === 'module.got' && event.by.endsWith(' device') ? [event.module] : [],
      );
    const type1 = modprobe('vfio_iommu_type1');
    const stimuli = [...ASSIGN_NIC.slice(0, -1), type1, { ...USE_NIC, hold: 'vm' }];
    expect(got(runSmall(stimuli))).toEqual(['vfio_pci', 'vfio']);
    const built = runBuiltIn(stimuli);
    expect(built.state.vfio.open[NIC]).toBe('vm');
    expect(got(built)).toEqual(['vfio']);
  });
});

it.each(['nvgrace_gpu_vfio_pci', 'pds_vfio_pci', 'qat_vfio_pci', 'virtio_vfio_pci'])(
  '%s gives its device to user space, which claims its group',
  (drv) => {
    const { state } = runBuiltIn(
      [
        BOOT,
        { do: 'unbind', bus: 'pci', drv: 'e1000e', dev: NIC },
        { do: 'driver_override', bus: 'pci', dev: NIC, drv },
        { do: 'bind', bus: 'pci', drv, dev: NIC },
        { ...USE_NIC, hold: 'vm' },
      ],
      { version: '6.12' },
      builtInVfio(drv),
    );
    expect(state.vfio.open[NIC]).toBe('vm');
    expect(state.groups[String(NIC_GROUP)]?.owner).toBe(`vfio_group ${NIC_GROUP}`);
  },
);
