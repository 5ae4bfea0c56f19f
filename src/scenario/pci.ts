/** PCI functions as scenarios abbreviate them. */
import type { PcieType, PciFunction } from '../events/machine.ts';
import { fieldsOf, flagAt, integerOf, itemsOf, oneOf, quote, wordOf } from './decode.ts';
import { keysOf } from './keys.ts';
import { type Entry, field, flag, listOf, map, plain, type Yaml } from './print-yaml.ts';
import { ACS, PCI_WORDS } from './words.ts';
import { fail, type Place } from './yaml-source.ts';

const BRIDGES: readonly (PcieType | null)[] = [
  'root-port',
  'upstream',
  'downstream',
  'pcie-to-pci',
  'pci-to-pcie',
];

/** `{ id: '8086:10d3', class: 0x020000, type: endpoint, acs: none, header: 0, multifunction: false }` */
export function readPci(place: Place): PciFunction {
  const fields = fieldsOf(place, keysOf('pci'));
  const id = fields.need('id');
  const [, vendor, device] = /^([0-9a-f]{4}):([0-9a-f]{4})$/i.exec(wordOf(id)) ?? [];
  if (vendor === undefined || device === undefined) {
    fail(id, `${id.what} must be vendor:device as in '8086:10d3', not ${quote(wordOf(id))}.`);
  }
  const classCode = integerOf(fields.need('class'), 0, 0xffffff);
  const type = fields.get('type');
  const word = type === undefined ? 'endpoint' : oneOf(type, PCI_WORDS.type);
  const pcie = word === 'conventional' ? null : word;
  const header = fields.get('header');
  const bars = fields.get('bars');
  const acs = fields.get('acs');
  const slot = fields.get('slot');
  const [capable, enabled] = ACS[acs === undefined ? 'none' : oneOf(acs, PCI_WORDS.acs)];
  return {
    vendor: Number.parseInt(vendor, 16),
    device: Number.parseInt(device, 16),
    class: classCode,
    header: header === undefined ? headerOf(pcie, classCode) : integerOf(header, 0, 0x7f),
    ...(bars === undefined ? {} : { bars: itemsOf(bars).map((bar) => integerOf(bar, 0, 5)) }),
    multifunction: flagAt(fields.get('multifunction'), false),
    pcie,
    acs_capable: capable,
    acs_enabled: enabled,
    ...(slot === undefined ? {} : { slot: integerOf(slot, 0, 0x1fff) }),
  };
}

export function printPci(pci: PciFunction): Yaml {
  const isAcs = (word: keyof typeof ACS) =>
    ACS[word][0] === pci.acs_capable && ACS[word][1] === pci.acs_enabled;
  const acs = PCI_WORDS.acs.find(isAcs) ?? 'none';
  const header = headerOf(pci.pcie, pci.class);
  const entries: Entry[] = [
    ['id', plain(`${hex4(pci.vendor)}:${hex4(pci.device)}`)],
    ['class', `0x${pci.class.toString(16).padStart(6, '0')}`],
    field('type', pci.pcie ?? 'conventional', 'endpoint'),
    field('acs', acs, 'none'),
    field('header', String(pci.header), String(header)),
    ...(pci.bars === undefined ? [] : [['bars', listOf(pci.bars.map(String))] satisfies Entry]),
    flag('multifunction', pci.multifunction),
    ...(pci.slot === undefined ? [] : [['slot', String(pci.slot)] satisfies Entry]),
  ];
  return map(entries);
}

/** The modalias of a function whose subsystem ids are not known. Kernel: pci_uevent. */
export function pciModalias({ vendor, device, class: code }: PciFunction): string {
  const byte = (shift: number) =>
    ((code >> shift) & 0xff).toString(16).toUpperCase().padStart(2, '0');
  const id = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
  const classes = `bc${byte(16)}sc${byte(8)}i${byte(0)}`;
  return `pci:v${id(vendor)}d${id(device)}sv00000000sd00000000${classes}`;
}

/** The header type that a function of this kind has. */
function headerOf(pcie: PcieType | null, classCode: number): number {
  if (classCode >> 8 === 0x0607) return 2;
  return BRIDGES.includes(pcie) || classCode >> 8 === 0x0604 ? 1 : 0;
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, '0');
}
