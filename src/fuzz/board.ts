/** A machine while it is being put together. */
import { assert } from '../assert.ts';
import type { Arch, DeviceSpec, DriverSpec, IommuKind, ModuleSpec } from '../events/machine.ts';
import { builtIn } from '../model/firmware/board.ts';
import { KNOWN_DRIVERS, moduleOfDriver } from '../model/firmware/driver-table.ts';
import { KNOWN_MODULES, moduleName } from '../model/firmware/module-table.ts';
import type { Dice } from './drawn.ts';

/** An IOMMU by the name under which firmware knows it. */
export interface Unit {
  readonly name: string;
  readonly kind: IommuKind;
  /** The device that others wait for: itself, or what its transport creates. */
  readonly device: string;
}

/** How the kernel's drivers are built: module, built in, not at all, or as it is drawn. */
export interface Build {
  /** What the option of a module says; undefined where it is drawn. */
  of(module: string): string | undefined;
  /** There may be modules. */
  readonly modular: boolean;
}

/** As the options say, which are taken for those of any kernel. */
export function buildOf(options: Readonly<Record<string, string>>): Build {
  const modular = options['MODULES'] !== 'n';
  return {
    modular,
    of(module) {
      const option = KNOWN_MODULES.find(({ name }) => name === module)?.option ?? '';
      const value = options[option];
      return value === 'm' && !modular ? 'y' : value;
    },
  };
}

export interface Board {
  readonly dice: Dice;
  /** From 1: how much of everything there may be. */
  readonly size: number;
  readonly firmware: 'devicetree' | 'acpi';
  readonly arch: Arch;
  readonly build: Build;
  /** How many PCI host bridges there will be. */
  readonly hosts: number;
  readonly devices: DeviceSpec[];
  readonly drivers: Map<string, DriverSpec>;
  readonly modules: Map<string, ModuleSpec>;
  readonly units: Unit[];
  /** Devices that are suppliers of others and nothing else: clocks, regulators. */
  readonly suppliers: string[];
  /** The first stream id of devices that are no PCI functions: no requester id comes that far. */
  readonly firstStream: number;
  /** The stream id that nobody has yet. */
  nextStream: number;
}

export function emptyBoard(
  dice: Dice,
  size: number,
  kind: Pick<Board, 'firmware' | 'arch' | 'hosts' | 'build'>,
): Board {
  const firstStream = kind.hosts > 0 ? 0x7000 : 1;
  return {
    ...{ dice, size, ...kind, devices: [], drivers: new Map(), modules: new Map() },
    ...{ units: [], suppliers: [], firstStream, nextStream: firstStream },
  };
}

const known = new Map(KNOWN_DRIVERS.map((one) => [one.name, builtIn(one)]));

/** The driver of that name in the table of known ones, with what is different about this one. */
export function addKnown(board: Board, name: string, more: Partial<DriverSpec> = {}): void {
  const spec = known.get(name);
  assert(spec !== undefined, `There is a driver ${name} in the table.`);
  addDriver(board, { ...spec, ...more });
}

/** Adds a driver, and its module where it has one; the first of a name stays. */
export function addDriver(board: Board, spec: DriverSpec): void {
  if (board.drivers.has(spec.name)) return;
  board.drivers.set(spec.name, spec);
  if (spec.module !== null) addModule(board, spec.module);
}

export function addModule(board: Board, name: string, depends: readonly string[] = []): void {
  if (!board.modules.has(name)) board.modules.set(name, { name, depends });
}

/** The name of the module that a driver is in where it is modular. */
export const moduleFor = ({ bus, name }: Pick<DriverSpec, 'bus' | 'name'>): string =>
  moduleName(moduleOfDriver(bus, name));

/** A driver that the table does not know. */
export function plainDriver(name: string, bus: string, ids: readonly string[]): DriverSpec {
  return {
    ...{ name, bus, module: null, ids },
    ...{ driver_managed_dma: false, suppress_bind_attrs: false, probe_type: 'default' },
  };
}
