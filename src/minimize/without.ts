/** Inputs without some of their parts, and without what would refer to something that is gone. */
import type {
  BootStep,
  DeviceSpec,
  DriverSpec,
  Failures,
  Machine,
  ModuleSpec,
} from '../events/machine.ts';
import type { Single } from '../events/stimulus.ts';
import { tableOf } from '../events/table.ts';
import { type Detour, straightened } from './detour.ts';
import { type Draft, type DraftStep, withSingles } from './draft.ts';
import { withoutFields } from './field.ts';
import { type Part, wordsOf } from './part.ts';

/** What a machine has no more. */
interface Gone {
  readonly devices: ReadonlySet<string>;
  readonly drivers: ReadonlySet<string>;
  readonly modules: ReadonlySet<string>;
}

/**
 * The draft without the parts. With a device goes what hangs below it, with a module its drivers,
 * with each of them the references to it, the steps of the boot and the stimuli that name it.
 *
 * Cost: linear in the draft.
 *
 * @returns null where what is left is no machine or no stimuli.
 */
export function without(draft: Draft, parts: readonly Part[]): Draft | null {
  const cut = withoutFields(
    draft,
    parts.flatMap((part) => (part.kind === 'field' ? [part] : [])),
  );
  if (cut === null) return null;
  const { machine } = cut;
  const gone = goneOf(machine, parts);
  const indexes = (kind: Part['kind']): ReadonlySet<number> =>
    new Set(parts.flatMap((part) => (part.kind === kind && 'index' in part ? part.index : [])));
  const names = (kind: Part['kind']): ReadonlySet<string> =>
    new Set(parts.flatMap((part) => (part.kind === kind && 'name' in part ? part.name : [])));
  const { kernel, schedule } = cut;
  const keep = <T>(table: Readonly<Record<string, T>>, left: ReadonlySet<string>) =>
    tableOf(Object.entries(table).filter(([name]) => !left.has(name)));
  const [words, switches] = [indexes('word'), indexes('switch')];
  const left: Draft = {
    kernel: {
      ...kernel,
      release: parts.some(({ kind }) => kind === 'release') ? null : kernel.release,
      config: keep(kernel.config, names('config')),
      patches: keep(kernel.patches, names('patch')),
      cmdline: dropped(wordsOf(kernel.cmdline), words).join(' '),
    },
    machine: machineWithout(machine, gone, indexes('boot')),
    steps: stepsWithout(dropped(cut.steps, indexes('stimulus')), gone),
    schedule:
      schedule.kind === 'choices'
        ? schedule
        : { kind: 'switches', switches: dropped(schedule.switches, switches) },
  };
  return withoutDetours(left, parts.filter(isDetour));
}

const isDetour = (part: Part): part is Detour => DETOURS.includes(part.kind);
const DETOURS: readonly Part['kind'][] = ['order', 'modular', 'double'];

function withoutDetours(draft: Draft, ways: readonly Detour[]): Draft {
  if (ways.length === 0) return draft;
  const straight = straightened(draft, ways);
  const modules = ways.flatMap((way) => (way.kind === 'modular' ? way.name : []));
  const devices = new Set(ways.flatMap((way) => (way.kind === 'double' ? way.name : [])));
  if (devices.size > 0) addBelow(straight.machine.devices, devices);
  const gone: Gone = { devices, drivers: new Set(), modules: new Set(modules) };
  return {
    ...straight,
    machine: machineWithout(straight.machine, gone, new Set()),
    steps: stepsWithout(straight.steps, gone),
  };
}

const dropped = <T>(list: readonly T[], indexes: ReadonlySet<number>): readonly T[] =>
  indexes.size === 0 ? list : list.filter((_, index) => !indexes.has(index));

const driverKey = (bus: string, name: string): string => `${bus}/${name}`;

/** The parts with all that depends on them. */
function goneOf(machine: Machine, parts: readonly Part[]): Gone {
  const devices = new Set<string>();
  const drivers = new Set<string>();
  const modules = new Set<string>();
  for (const part of parts) {
    if (part.kind === 'device') devices.add(part.name);
    if (part.kind === 'driver') drivers.add(driverKey(part.bus, part.name));
    if (part.kind === 'module') modules.add(part.name);
  }
  for (const { module, bus, name } of machine.drivers)
    if (module !== null && modules.has(module)) drivers.add(driverKey(bus, name));
  if (devices.size > 0) addBelow(machine.devices, devices);
  return { devices, drivers, modules };
}

/** Adds what hangs below the devices, until nothing does any more. */
function addBelow(all: readonly DeviceSpec[], gone: Set<string>): void {
  const addCreated = ({ creates = [] }: DeviceSpec): void => {
    for (const one of creates) {
      gone.add(one.name);
      addCreated(one);
    }
  };
  for (let before = -1; before < gone.size; ) {
    before = gone.size;
    const visit = (spec: DeviceSpec): void => {
      if (spec.parent !== null && gone.has(spec.parent)) gone.add(spec.name);
      if (gone.has(spec.name)) addCreated(spec);
      else spec.creates?.forEach(visit);
    };
    all.forEach(visit);
  }
}

function machineWithout(machine: Machine, gone: Gone, boot: ReadonlySet<number>): Machine {
  const { failures, ...others } = machine;
  const isKept = (drv: DriverSpec) => !gone.drivers.has(driverKey(drv.bus, drv.name));
  return {
    ...others,
    devices: devicesWithout(machine.devices, gone.devices),
    drivers: machine.drivers.filter(isKept).map((drv) => driverWithout(drv, gone.devices)),
    modules: machine.modules
      .filter(({ name }) => !gone.modules.has(name))
      .map((one) => moduleWithout(one, gone.modules)),
    boot: dropped(machine.boot, boot).filter((step) => !refersToGone(step, gone)),
    ...(failures !== undefined && failuresWithout(failures, gone.devices)),
  };
}

/** A call that fails for no device any more does not fail. */
function failuresWithout(failures: Failures, gone: ReadonlySet<string>): Pick<Machine, 'failures'> {
  if (gone.size === 0) return { failures };
  const calls = Object.entries(failures).map(
    ([call, table]) => [call, tableWithout(table, gone)] as const,
  );
  const left = calls.filter(([, table]) => Object.keys(table).length > 0);
  return left.length === 0 ? {} : { failures: Object.fromEntries(left) };
}

function refersToGone(step: BootStep, { devices, drivers }: Gone): boolean {
  if (step.step === 'device') return devices.has(step.dev);
  if (step.step === 'iommu') return devices.has(step.iommu);
  return step.step === 'driver' && drivers.has(driverKey(step.bus, step.drv));
}

function devicesWithout(
  devices: readonly DeviceSpec[],
  gone: ReadonlySet<string>,
): readonly DeviceSpec[] {
  if (gone.size === 0) return devices;
  const isThere = (name: string) => !gone.has(name);
  const isTo = ({ iommu }: { readonly iommu: string }) => isThere(iommu);
  return devices
    .filter(({ name }) => isThere(name))
    .map((spec) => {
      const { iommus, iommu_map, suppliers, match_defers_on, child_suppliers, ...others } = spec;
      const { creates, amd_vi, ipmmu, ...rest } = others;
      return {
        ...rest,
        ...less('iommus', iommus, iommus?.filter(isTo)),
        ...less('iommu_map', iommu_map, iommu_map?.filter(isTo)),
        ...less('suppliers', suppliers, suppliers?.filter(isThere)),
        ...less('match_defers_on', match_defers_on, match_defers_on?.filter(isThere)),
        ...less('child_suppliers', child_suppliers, child_suppliers?.filter(isThere)),
        ...less('creates', creates, devicesWithout(creates ?? [], gone)),
        ...(amd_vi === undefined || gone.has(amd_vi.dev) ? {} : { amd_vi }),
        ...(ipmmu === undefined ? {} : { ipmmu: mainWithout(ipmmu, gone) }),
      };
    });
}

function mainWithout(ipmmu: NonNullable<DeviceSpec['ipmmu']>, gone: ReadonlySet<string>) {
  const { main, ...rest } = ipmmu;
  return main === undefined || gone.has(main) ? rest : ipmmu;
}

/** The list made shorter; one that is empty only now is as if it had never been. */
function less<T>(key: string, list: readonly T[] | undefined, shorter: readonly T[] = []) {
  const isGone = list === undefined || (list.length > 0 && shorter.length === 0);
  return isGone ? {} : { [key]: shorter };
}

function driverWithout(drv: DriverSpec, gone: ReadonlySet<string>): DriverSpec {
  if (gone.size === 0) return drv;
  const { outcomes, defers_on, defer_reasons, ...rest } = drv;
  const waits = Object.entries(defers_on ?? {}).map(([dev, on]): [string, readonly string[]] => [
    dev,
    on.filter((one) => !gone.has(one)),
  ]);
  return {
    ...rest,
    ...entry('outcomes', tableWithout(outcomes, gone)),
    ...entry('defers_on', tableWithout(tableOf(waits.filter(([, on]) => on.length > 0)), gone)),
    ...entry('defer_reasons', tableWithout(defer_reasons, gone)),
  };
}

function tableWithout<T>(
  table: Readonly<Record<string, T>> | undefined,
  gone: ReadonlySet<string>,
) {
  return tableOf(Object.entries(table ?? {}).filter(([dev]) => !gone.has(dev)));
}

const entry = <T>(key: string, table: Readonly<Record<string, T>>) =>
  Object.keys(table).length === 0 ? {} : { [key]: table };

function moduleWithout(module: ModuleSpec, gone: ReadonlySet<string>): ModuleSpec {
  return { ...module, depends: module.depends.filter((name) => !gone.has(name)) };
}

/** Stimuli that make sense: they name what is there, and files that somebody has open. */
function stepsWithout(steps: readonly DraftStep[], gone: Gone): readonly DraftStep[] {
  const holds = new Set<string>();
  const makesSense = (step: Single): boolean => {
    if (namesGone(step, gone)) return false;
    if (step.do === 'vfio' && step.hold !== null) holds.add(step.hold);
    if (step.do === 'vfio_ioctl') return holds.has(step.hold);
    return step.do !== 'vfio_release' || holds.has(step.hold);
  };
  return steps.flatMap(({ stimulus, groupOf }) => {
    const kept: (string | null)[] = [];
    const left = withSingles(stimulus, (step, at) => {
      if (!makesSense(step)) return null;
      kept.push(groupOf[at] ?? null);
      return step;
    });
    return left === null ? [] : [{ stimulus: left, groupOf: kept }];
  });
}

const moduleName = (name: string): string => name.replaceAll('-', '_');

function namesGone(s: Single, { devices, drivers, modules }: Gone): boolean {
  if ('dev' in s && s.dev !== null && devices.has(s.dev)) return true;
  if ('drv' in s && s.drv !== null && drivers.has(driverKey(s.bus, s.drv))) return true;
  return 'module' in s && modules.has(moduleName(s.module));
}
