import type { DeviceSpec, PcieType, PciFunction } from '../events/machine.ts';
import { virtioSpec } from '../model/firmware/pci-children.ts';

const FUNCTION =
  /\bpci (\w{4}:\w\w:\w\w\.[0-7]): \[(\w{4}):(\w{4})\] type (\w\w) class 0x(\w{6})(?: ([A-Za-z].*))?$/;
const BRIDGE = /\bpci (\w{4}:\w\w:\w\w\.[0-7]): PCI bridge to \[bus (\w\w)(?:-\w\w)?\]/;

/** What later kernels print behind a function's class. */
const TYPES: Readonly<Record<string, PcieType | null>> = {
  'PCIe Endpoint': 'endpoint',
  'PCIe Legacy Endpoint': 'legacy-endpoint',
  'PCIe Root Port': 'root-port',
  'PCIe Switch Upstream Port': 'upstream',
  'PCIe Switch Downstream Port': 'downstream',
  'PCIe to PCI/PCI-X bridge': 'pcie-to-pci',
  'PCI/PCI-X to PCIe bridge': 'pci-to-pcie',
  'PCIe Root Complex Integrated Endpoint': 'rc-endpoint',
  'PCIe Root Complex Event Collector': 'rc-event-collector',
  'conventional PCI endpoint': null,
  'conventional PCI bridge': null,
};

/**
 * The PCI functions of a machine without recorded configuration space, from what the scan logged.
 *
 * Kernels before 6.10 do not print the Express type: then a bridge on a root bus is taken for a root
 * port, a device behind a bridge for an endpoint. ACS is taken as implemented by root ports and off.
 */
export function functionsOfLog(log: string, hostBridge: string): DeviceSpec[] {
  const boot = log.split('\n').slice(0, firstAction(log));
  const bridges = new Map<string, string>();
  const lines = new Map<string, RegExpExecArray>();
  for (const line of boot) {
    const bridge = BRIDGE.exec(line);
    if (bridge !== null) bridges.set(`${bridge[1]?.slice(0, 4)}:${bridge[2]}`, bridge[1] ?? '');
    const found = FUNCTION.exec(line.trimEnd());
    if (found !== null && !lines.has(found[1] ?? '')) lines.set(found[1] ?? '', found);
  }
  const names = [...lines.keys()];
  return [...lines.values()].map((match) => {
    const name = match[1] ?? '';
    const parent = bridges.get(name.slice(0, 7)) ?? hostBridge;
    const siblings = names.filter((other) => other.slice(0, 10) === name.slice(0, 10));
    return describe(match, parent, parent !== hostBridge, siblings.length > 1);
  });
}

function firstAction(log: string): number {
  const at = log.split('\n').findIndex((line) => line.includes('reprobe-action: '));
  return at < 0 ? log.length : at;
}

function describe(
  match: RegExpExecArray,
  parent: string,
  behindBridge: boolean,
  multifunction: boolean,
): DeviceSpec {
  const [, name = '', vendor = '', device = '', type = '', classCode = '', words] = match;
  const header = Number.parseInt(type, 16) & 0x7f;
  const guess: PcieType | null = header === 1 ? 'root-port' : behindBridge ? 'endpoint' : null;
  const pcie = words === undefined ? guess : (TYPES[words] ?? null);
  const pci: PciFunction = {
    vendor: Number.parseInt(vendor, 16),
    device: Number.parseInt(device, 16),
    class: Number.parseInt(classCode, 16),
    header,
    multifunction,
    pcie,
    acs_capable: pcie === 'root-port',
    acs_enabled: false,
  };
  const ids = [modaliasOf(vendor, device, classCode)];
  const isVirtio = pci.vendor === 0x1af4 && pci.device > 0x1040 && pci.device < 0x1080;
  const creates = isVirtio ? [virtioSpec(name, pci.device - 0x1040, pci.vendor)] : [];
  const spec = { name, bus: 'pci', parent, ids, pci };
  return creates.length === 0 ? spec : { ...spec, creates };
}

/** Without the subsystem, which the log does not show. */
function modaliasOf(vendor: string, device: string, classCode: string): string {
  const [v, d, c] = [vendor, device, classCode].map((hex) => hex.toUpperCase());
  const [base, sub, itf] = [c?.slice(0, 2), c?.slice(2, 4), c?.slice(4, 6)];
  return `pci:v0000${v}d0000${d}sv00000000sd00000000bc${base}sc${sub}i${itf}`;
}
