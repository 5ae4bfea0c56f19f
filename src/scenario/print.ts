/** Scenarios and machines as the YAML that parse.ts reads back as the same values. */
import { canonicalJson } from '../events/canonical.ts';
import { errnoName } from '../events/errno.ts';
import {
  ALLOCATIONS,
  type BootStep,
  type DeviceSpec,
  type DriverSpec,
  type Failures,
  type IommuMapRow,
  type IommuSpec,
  type KernelSpec,
  type Machine,
  type ModuleSpec,
} from '../events/machine.ts';
import { printDeviceDma, printDriverDma } from './dma.ts';
import type { Knowledge } from './driver.ts';
import { printExpectation } from './expect.ts';
import { printDmar, printUnits } from './iommu-units.ts';
import { MAP_LENGTH } from './machine.ts';
import { SCENARIO_SCHEMA } from './parse.ts';
import { pciModalias, printPci } from './pci.ts';
import { printDriverRef, printStep } from './print-steps.ts';
import {
  type Entry,
  entry,
  field,
  flag,
  hex,
  items,
  listOf,
  map,
  maybe,
  names,
  plain,
  prose,
  type Yaml,
} from './print-yaml.ts';
import type { Scenario } from './scenario.ts';

/** The scenario as a file. Drivers that `known` knows as they are stand there by name only. */
export function printScenario(scenario: Scenario, { known }: Knowledge = {}): string {
  const { name, title, story, kernel, machine, steps, choices, expect } = scenario;
  const lines = [
    `schema: ${SCENARIO_SCHEMA}`,
    `name: ${plain(name)}`,
    ...prose('title', title),
    ...prose('story', story),
    ...entry('kernel', printKernel(kernel)),
    ...printMachineLines(machine, known),
    ...items(
      'steps',
      steps.map((step) => printStep(step, machine)),
    ),
    ...(choices.length === 0 ? [] : entry('choices', listOf(choices.map(String)))),
    ...items('expect', expect.map(printExpectation)),
  ];
  return `${lines.join('\n')}\n`;
}

/** The machine as a file, with a kernel if there is one. */
export function printMachine(
  machine: Machine,
  kernel: KernelSpec | null = null,
  { known }: Knowledge = {},
): string {
  const lines = [
    `schema: ${SCENARIO_SCHEMA}`,
    ...(kernel === null ? [] : entry('kernel', printKernel(kernel))),
    ...printMachineLines(machine, known),
  ];
  return `${lines.join('\n')}\n`;
}

function printKernel({ version, release, config, cmdline, patches }: KernelSpec): Yaml {
  const options = Object.entries(config).map(([key, value]): Entry => [key, plain(value)]);
  const switches = Object.entries(patches).map(([key, on]): Entry => [key, on ? 'on' : 'off']);
  return map([
    ['version', `'${version.replaceAll("'", "''")}'`],
    field('release', release ?? '', ''),
    options.length === 0 ? null : ['config', map(options)],
    switches.length === 0 ? null : ['patches', map(switches)],
    field('cmdline', cmdline, ''),
  ]);
}

function printMachineLines(machine: Machine, known: Knowledge['known']): readonly string[] {
  const { firmware, arch, dmar, devices, drivers, modules, boot, failures } = machine;
  return [
    'machine:',
    `  firmware: ${firmware}`,
    ...(arch === undefined ? [] : [`  arch: ${arch}`]),
    ...(dmar === undefined ? [] : entry('dmar', printDmar(dmar), '  ')),
    ...items(
      'devices',
      devices.map((device) => printDevice(device, null)),
      '  ',
    ),
    ...items(
      'drivers',
      drivers.map((driver) => printDriver(driver, known)),
      '  ',
    ),
    ...items('modules', modules.map(printModule), '  '),
    ...items(
      'boot',
      boot.map((step) => printBootStep(step, drivers)),
      '  ',
    ),
    ...(failures === undefined ? [] : entry('failures', printFailures(failures), '  ')),
  ];
}

function printDevice(device: DeviceSpec, creator: string | null): Yaml {
  const { name, bus, parent, ids, pci, iommu_map_mask, iommu_kind, creates } = device;
  const assumedIds = pci === undefined ? [] : [pciModalias(pci)];
  const isAssumed = canonicalJson(ids) === canonicalJson(assumedIds);
  const entries: Entry[] = [
    ['name', plain(name)],
    pci !== undefined && bus === 'pci' ? null : ['bus', plain(bus)],
    parent === creator ? null : ['parent', plain(parent ?? '')],
    pci === undefined ? null : ['pci', printPci(pci)],
    isAssumed ? null : ['ids', listOf(ids.map(plain))],
    maybe('disabled', device.disabled, String),
    maybe('of_disabled', device.of_disabled, String),
    maybe('iommu_kind', iommu_kind, plain),
    maybe('dma_coherent', device.dma_coherent, String),
    maybe('snoops', device.snoops, String),
    maybe('isolated_msi', device.isolated_msi, String),
    maybe('caching_mode', device.caching_mode, String),
    maybe('mmu_masters', device.mmu_masters, String),
    maybe('iommus', device.iommus, (specs) => listOf(specs.map(printIommuSpec))),
    maybe('suppliers', device.suppliers, (suppliers) => listOf(suppliers.map(plain))),
    maybe('match_defers_on', device.match_defers_on, (names) => listOf(names.map(plain))),
    maybe('child_suppliers', device.child_suppliers, (names) => listOf(names.map(plain))),
    maybe('iommu_map', device.iommu_map, (rows) => listOf(rows.map(printMapRow))),
    maybe('iommu_map_mask', iommu_map_mask, hex),
    maybe('of_node', device.of_node, plain),
    maybe('icid', device.icid, hex),
    maybe('external_facing', device.external_facing, String),
    ...printDeviceDma(device),
    ...printUnits(device),
    maybe('creates', creates, (below) => listOf(below.map((one) => printDevice(one, name)))),
  ];
  return map(entries);
}

function printIommuSpec({ iommu, ids, masks }: IommuSpec): Yaml {
  return map([
    field('iommu', iommu),
    ['ids', listOf(ids.map(hex))],
    maybe('masks', masks, (list) => listOf(list.map(hex))),
  ]);
}

function printMapRow({ rid_base, iommu, sid_base, length }: IommuMapRow): Yaml {
  return map([
    ['rid_base', hex(rid_base)],
    field('iommu', iommu),
    ['sid_base', hex(sid_base)],
    length === MAP_LENGTH ? null : ['length', hex(length)],
  ]);
}

function printDriver(driver: DriverSpec, known: Knowledge['known']): Yaml {
  const same = known?.(driver.name);
  if (same !== undefined && canonicalJson(same) === canonicalJson(driver)) {
    return plain(driver.name);
  }
  const { outcomes, outcome, defers_on, defer_reasons } = driver;
  return map([
    ['name', plain(driver.name)],
    ['bus', plain(driver.bus)],
    field('module', driver.module ?? '', ''),
    names('ids', driver.ids),
    flag('driver_managed_dma', driver.driver_managed_dma),
    maybe('shutdown', driver.shutdown, plain),
    flag('suppress_bind_attrs', driver.suppress_bind_attrs),
    field('probe_type', driver.probe_type, 'default'),
    maybe('initcall', driver.initcall, plain),
    maybe('pasid', driver.pasid, String),
    maybe('sync_state', driver.sync_state, String),
    maybe('cleans_up', driver.cleans_up, String),
    maybe('outcomes', outcomes, (table) => tableOf(table, printOutcomes)),
    maybe('outcome', outcome, errnoName),
    maybe('defers_on', defers_on, (table) => tableOf(table, (devs) => listOf(devs.map(plain)))),
    maybe('defer_reasons', defer_reasons, (table) => tableOf(table, plain)),
    ...printDriverDma(driver),
  ]);
}

function tableOf<T>(table: Readonly<Record<string, T>>, print: (value: T) => Yaml): Yaml {
  return map(Object.entries(table).map(([key, value]): Entry => [key, print(value)]));
}

function printFailures(failures: Failures): Yaml {
  return map(
    ALLOCATIONS.map((call) =>
      maybe(call, failures[call], (table) => tableOf(table, printOutcomes)),
    ),
  );
}

function printOutcomes(rets: readonly number[]): Yaml {
  const [only] = rets;
  return rets.length === 1 && only !== undefined ? errnoName(only) : listOf(rets.map(errnoName));
}

function printModule(module: ModuleSpec): Yaml {
  const { name, depends, unresolved, init, no_exit } = module;
  if (depends.length === 0 && Object.keys(module).length === 2) return plain(name);
  return map([
    ['name', plain(name)],
    names('depends', depends),
    maybe('unresolved', unresolved, (symbols) => listOf(symbols.map(plain))),
    maybe('init', init, errnoName),
    maybe('no_exit', no_exit, String),
  ]);
}

function printBootStep(
  step: BootStep,
  drivers: readonly DriverSpec[],
): Yaml | readonly [string, Yaml] {
  if (step.step === 'device') return ['device', plain(step.dev)];
  if (step.step === 'iommu') return ['iommu', plain(step.iommu)];
  return step.step === 'driver' ? ['driver', printDriverRef(step, drivers)] : step.step;
}
