/** The shapes of what IOMMUs are made of, in a trace file. */
import type {
  AcpiHid,
  AddressRange,
  AmdUnit,
  DmarTable,
  IpmmuTakes,
  IpmmuUnit,
  VirtioIommuUnit,
  VtdFunction,
  VtdUnit,
} from './iommu-units.ts';
import { count, flag, listOf, name, object, oneOf, optional, text } from './shape.ts';

const uint = count();

const rangeShape = object<AddressRange>({ base: name, end: name });

export const vtdUnitShape = object<VtdUnit>({
  base: name,
  include_all: flag,
  ver: name,
  cap: name,
  ecap: name,
  ioapics: optional(listOf(uint)),
  hpets: optional(listOf(uint)),
  unused: optional(flag),
  left_on: optional(listOf(oneOf<VtdFunction>({ translation: true, interrupts: true }))),
});

export const dmarShape = object<DmarTable>({
  width: uint,
  x2apic_opt_out: optional(flag),
  rmrr: optional(listOf(rangeShape)),
  atsr: optional(listOf(uint)),
  rhsa: optional(listOf(object<{ base: string; node: number }>({ base: name, node: uint }))),
  satc: optional(listOf(uint)),
  x2apic: optional(flag),
});

export const amdUnitShape = object<AmdUnit>({
  dev: name,
  cap: uint,
  efr: name,
  efr2: optional(name),
  counters: optional(flag),
  interrupts: optional(flag),
  ivhd_efr: optional(name),
  acpi: optional(listOf(object<AcpiHid>({ hid: name, uid: text, rdevid: uint }))),
});

export const ipmmuShape = object<IpmmuUnit>({
  main: optional(name),
  reserved_context: optional(flag),
  takes: optional(oneOf<IpmmuTakes>({ all: true, listed: true, none: true })),
});

export const virtioIommuShape = object<VirtioIommuUnit>({
  map_unmap: optional(flag),
  input_bits: optional(uint),
  page_size_mask: optional(name),
  bypass: optional(flag),
  msi: optional(rangeShape),
});
