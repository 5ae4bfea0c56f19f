/** Cards that came and went while a log was written, as the hot-plug control of their ports says. */
import type { DeviceSpec } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import { serviceSpec } from '../model/firmware/pci-children.ts';
import type { Evidence, SeenPlug } from './evidence.ts';
import type { Observation } from './observation.ts';

const ABSENT = /^(?:Link Down|Card not present)\b/;
const PRESENT = /^(?:Link Up|Card present)\b/;

/**
 * Each change once, though the kernel has two lines for it. What follows a write to a slot's `power` is its
 * doing.
 */
export function pluggings(observations: readonly Observation[]): readonly SeenPlug[] {
  const found: SeenPlug[] = [];
  const states = new Map<string, boolean>();
  let isByHand = false;
  for (const observation of observations) {
    const { kind, dev, fields } = observation;
    if (kind === 'user.action') isByHand = /\/slots\/[^/]+\/power/.test(fields['command'] ?? '');
    if (kind !== 'pci.hotplug' || dev === null) continue;
    const what = fields['what'] ?? '';
    const isAbsent = ABSENT.test(what);
    if (!isAbsent && !PRESENT.test(what)) continue;
    if (states.get(dev) === !isAbsent) continue;
    states.set(dev, !isAbsent);
    if (!isByHand) found.push({ observation, port: dev, present: !isAbsent });
  }
  return found;
}

/** What happened to the card; null for a port behind which the machine has none. */
export function plugStimulus(
  { port, present }: SeenPlug,
  devices: readonly DeviceSpec[],
): Stimulus | null {
  const card = devices.find(({ pci, parent }) => pci !== undefined && parent === port);
  return card === undefined ? null : { do: 'plug', dev: card.name, present };
}

/** Kernel: drivers/pci/pcie/portdrv.h, v6.1: PCIE_PORT_SERVICE_HP. */
const HOTPLUG = 0x04;
/** A downstream port is two steps past a root port. */
const DOWNSTREAM = 0x200;

/**
 * Puts the device of each port's hot-plug control to what is known, at work as its lines show.
 *
 * @param isRoot tells a root port from a port of a switch.
 */
export function learnHotplug(evidence: Evidence, isRoot: (port: string) => boolean): void {
  for (const [port, { line }] of Object.entries(evidence.slots)) {
    const id = isRoot(port) ? HOTPLUG : DOWNSTREAM | HOTPLUG;
    const { name } = serviceSpec(port, id);
    evidence.buses[name] ??= 'pci_express';
    if (evidence.pairs.some(({ dev, drv }) => dev === name && drv === 'pciehp')) continue;
    evidence.pairs.push({ dev: name, drv: 'pciehp', line, wasThere: true });
  }
}

/** A function that first came when its slot was filled. */
export function cameLater(evidence: Evidence, port: string, line: number | undefined): boolean {
  const first = evidence.plugs.find((plug) => plug.port === port);
  if (first?.present !== true || line === undefined) return false;
  return first.observation.record.line < line;
}
