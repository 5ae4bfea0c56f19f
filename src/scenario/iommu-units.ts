/** What scenarios say of the insides of IOMMUs: from places, and back to YAML. */
import type {
  AcpiHid,
  AddressRange,
  AmdUnit,
  DmarTable,
  IpmmuUnit,
  VirtioIommuUnit,
  VtdUnit,
} from '../events/iommu-units.ts';
import type { DeviceSpec } from '../events/machine.ts';
import {
  type Fields,
  fieldsOf,
  flagAt,
  integerOf,
  itemsOf,
  nameOf,
  oneOf,
  textAt,
} from './decode.ts';
import { keysOf } from './keys.ts';
import { type Entry, hex, listOf, map, maybe, plain, type Yaml } from './print-yaml.ts';
import { IPMMU_WORDS, VTD_WORDS } from './words.ts';
import { fail, type Place } from './yaml-source.ts';

type Units = Pick<DeviceSpec, 'vtd' | 'amd_vi' | 'viommu' | 'ipmmu'>;

export function readUnits(fields: Fields): Units {
  const vtd = fields.get('vtd');
  const amd_vi = fields.get('amd_vi');
  const viommu = fields.get('viommu');
  const ipmmu = fields.get('ipmmu');
  return {
    ...(vtd === undefined ? {} : { vtd: readVtd(vtd) }),
    ...(amd_vi === undefined ? {} : { amd_vi: readAmd(amd_vi) }),
    ...(viommu === undefined ? {} : { viommu: readVirtio(viommu) }),
    ...(ipmmu === undefined ? {} : { ipmmu: readIpmmu(ipmmu) }),
  };
}

export function printUnits({ vtd, amd_vi, viommu, ipmmu }: Units): readonly Entry[] {
  return [
    maybe('vtd', vtd, printVtd),
    maybe('amd_vi', amd_vi, printAmd),
    maybe('viommu', viommu, printVirtio),
    maybe('ipmmu', ipmmu, printIpmmu),
  ];
}

/** A register or an address of up to 64 bits, as the kernel compares them: `0x…` without leading zeros. */
function wideOf(place: Place): string {
  const word = nameOf(place);
  if (/^0x[0-9a-f]{1,16}$/i.test(word)) return `0x${BigInt(word).toString(16)}`;
  fail(place, `${place.what} must be a hexadecimal number of up to 64 bits, such as 0xfed90000.`);
}

function optional<T>(
  fields: Fields,
  key: string,
  read: (value: Place) => T,
): Readonly<Record<string, T>> {
  const value = fields.get(key);
  return value === undefined ? {} : { [key]: read(value) };
}

const flagOf = (place: Place): boolean => flagAt(place, false);
const numbersOf = (place: Place): readonly number[] => itemsOf(place).map((one) => integerOf(one));

function readVtd(place: Place): VtdUnit {
  const fields = fieldsOf(place, keysOf('vtd'));
  const left = (one: Place) => oneOf(one, VTD_WORDS.left_on);
  return {
    base: wideOf(fields.need('base')),
    include_all: flagAt(fields.get('include_all'), false),
    ver: nameOf(fields.need('ver')),
    cap: wideOf(fields.need('cap')),
    ecap: wideOf(fields.need('ecap')),
    ...optional(fields, 'ioapics', numbersOf),
    ...optional(fields, 'hpets', numbersOf),
    ...optional(fields, 'unused', flagOf),
    ...optional(fields, 'left_on', (value) => itemsOf(value).map(left)),
  };
}

function printVtd(unit: VtdUnit): Yaml {
  return map([
    ['base', unit.base],
    unit.include_all ? ['include_all', 'true'] : null,
    ['ver', plain(unit.ver)],
    ['cap', unit.cap],
    ['ecap', unit.ecap],
    maybe('ioapics', unit.ioapics, numbers),
    maybe('hpets', unit.hpets, numbers),
    maybe('unused', unit.unused, String),
    maybe('left_on', unit.left_on, (left) => listOf(left.map(plain))),
  ]);
}

const numbers = (list: readonly number[]): Yaml => listOf(list.map(hex));

function readAmd(place: Place): AmdUnit {
  const fields = fieldsOf(place, keysOf('amd_vi'));
  return {
    dev: nameOf(fields.need('dev')),
    cap: integerOf(fields.need('cap')),
    efr: wideOf(fields.need('efr')),
    ...optional(fields, 'efr2', wideOf),
    ...optional(fields, 'counters', flagOf),
    ...optional(fields, 'interrupts', flagOf),
    ...optional(fields, 'ivhd_efr', wideOf),
    ...optional(fields, 'acpi', (value) => itemsOf(value).map(readHid)),
  };
}

function readHid(place: Place): AcpiHid {
  const fields = fieldsOf(place, ['hid', 'uid', 'rdevid']);
  const rdevid = integerOf(fields.need('rdevid'));
  return { hid: nameOf(fields.need('hid')), uid: textAt(fields.get('uid')), rdevid };
}

function printAmd(unit: AmdUnit): Yaml {
  const hid = (one: AcpiHid): Yaml =>
    map([
      ['hid', plain(one.hid)],
      ['uid', plain(one.uid)],
      ['rdevid', hex(one.rdevid)],
    ]);
  return map([
    ['dev', plain(unit.dev)],
    ['cap', hex(unit.cap)],
    ['efr', unit.efr],
    maybe('efr2', unit.efr2, String),
    maybe('counters', unit.counters, String),
    maybe('interrupts', unit.interrupts, String),
    maybe('ivhd_efr', unit.ivhd_efr, String),
    maybe('acpi', unit.acpi, (list) => listOf(list.map(hid))),
  ]);
}

function readVirtio(place: Place): VirtioIommuUnit {
  const fields = fieldsOf(place, keysOf('viommu'));
  return {
    ...optional(fields, 'map_unmap', flagOf),
    ...optional(fields, 'input_bits', (value) => integerOf(value, 1, 64)),
    ...optional(fields, 'page_size_mask', wideOf),
    ...optional(fields, 'bypass', flagOf),
    ...optional(fields, 'msi', readRange),
  };
}

function printVirtio(unit: VirtioIommuUnit): Yaml {
  return map([
    maybe('map_unmap', unit.map_unmap, String),
    maybe('input_bits', unit.input_bits, String),
    maybe('page_size_mask', unit.page_size_mask, String),
    maybe('bypass', unit.bypass, String),
    maybe('msi', unit.msi, printRange),
  ]);
}

function readIpmmu(place: Place): IpmmuUnit {
  const fields = fieldsOf(place, keysOf('ipmmu'));
  return {
    ...optional(fields, 'main', nameOf),
    ...optional(fields, 'reserved_context', flagOf),
    ...optional(fields, 'takes', (value) => oneOf(value, IPMMU_WORDS.takes)),
  };
}

function printIpmmu({ main, reserved_context, takes }: IpmmuUnit): Yaml {
  return map([
    maybe('main', main, plain),
    maybe('reserved_context', reserved_context, String),
    maybe('takes', takes, plain),
  ]);
}

export function readDmar(place: Place): DmarTable {
  const fields = fieldsOf(place, keysOf('dmar'));
  return {
    width: integerOf(fields.need('width'), 1, 256),
    ...optional(fields, 'x2apic_opt_out', flagOf),
    ...optional(fields, 'rmrr', (value) => itemsOf(value).map(readRange)),
    ...optional(fields, 'atsr', numbersOf),
    ...optional(fields, 'rhsa', (value) => itemsOf(value).map(readRhsa)),
    ...optional(fields, 'satc', numbersOf),
    ...optional(fields, 'x2apic', flagOf),
  };
}

function readRange(place: Place): AddressRange {
  const fields = fieldsOf(place, ['base', 'end']);
  return { base: wideOf(fields.need('base')), end: wideOf(fields.need('end')) };
}

function printRange({ base, end }: AddressRange): Yaml {
  return map([
    ['base', base],
    ['end', end],
  ]);
}

function readRhsa(place: Place) {
  const fields = fieldsOf(place, ['base', 'node']);
  return { base: wideOf(fields.need('base')), node: integerOf(fields.need('node')) };
}

export function printDmar(table: DmarTable): Yaml {
  return map([
    ['width', String(table.width)],
    maybe('x2apic_opt_out', table.x2apic_opt_out, String),
    maybe('rmrr', table.rmrr, (list) => listOf(list.map(printRange))),
    maybe('atsr', table.atsr, numbers),
    maybe('rhsa', table.rhsa, (list) =>
      listOf(
        list.map(({ base, node }) =>
          map([
            ['base', base],
            ['node', hex(node)],
          ]),
        ),
      ),
    ),
    maybe('satc', table.satc, numbers),
    maybe('x2apic', table.x2apic, String),
  ]);
}
