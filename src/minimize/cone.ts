/** What could matter to a subject: its surroundings, wider and wider. */
import type { DeviceSpec, DriverSpec, Machine } from '../events/machine.ts';
import { type Single, singlesOf } from '../events/stimulus.ts';
import { matchesId } from '../model/firmware/modalias.ts';
import type { Draft } from './draft.ts';
import type { Part } from './part.ts';
import { allDevices } from './subject.ts';

/**
 * Sets of parts to leave out, the largest first: all that the devices do not need, all that neither
 * they nor what they need has to do with, and so on; at last nothing. A device needs what is above
 * it, its IOMMUs and suppliers, the drivers that match it and their modules.
 *
 * Cost: devices × drivers once, then linear a set.
 */
export function cones(draft: Draft, devices: readonly string[]): readonly (readonly Part[])[] {
  const graph = graphOf(
    draft.machine,
    draft.steps.flatMap(({ stimulus }) => singlesOf(stimulus)),
  );
  const sets: (readonly Part[])[] = [];
  let near = new Set(devices.map(deviceNode));
  for (;;) {
    near = closure(near, graph.needs);
    const out = partsOutside(draft, near);
    const isNew = sets.length === 0 || (sets.at(-1)?.length ?? 0) > out.length;
    if (out.length === 0) return sets;
    if (isNew) sets.push(out);
    const wider = new Set([...near].flatMap((node) => [node, ...(graph.neededBy.get(node) ?? [])]));
    if (wider.size === near.size) return sets;
    near = wider;
  }
}

type Graph = ReadonlyMap<string, readonly string[]>;

const deviceNode = (name: string): string => `device ${name}`;
const driverNode = ({ bus, name }: { bus: string; name: string }): string =>
  `driver ${bus}/${name}`;
const moduleNode = (name: string): string => `module ${name.replaceAll('-', '_')}`;

function graphOf(machine: Machine, stimuli: readonly Single[]): { needs: Graph; neededBy: Graph } {
  const needs = new Map<string, string[]>();
  const neededBy = new Map<string, string[]>();
  const add = (from: string, to: string): void => {
    needs.set(from, [...(needs.get(from) ?? []), to]);
    neededBy.set(to, [...(neededBy.get(to) ?? []), from]);
  };
  for (const spec of allDevices(machine.devices)) {
    const node = deviceNode(spec.name);
    for (const other of devicesNeededBy(spec)) add(node, deviceNode(other));
    for (const { name } of spec.creates ?? []) add(node, deviceNode(name));
    for (const drv of machine.drivers) if (isFor(drv, spec)) add(node, driverNode(drv));
  }
  for (const drv of machine.drivers) {
    if (drv.module !== null) add(driverNode(drv), moduleNode(drv.module));
    for (const [dev, others] of Object.entries(drv.defers_on ?? {}))
      for (const other of others) add(deviceNode(dev), deviceNode(other));
  }
  for (const { name, depends } of machine.modules)
    for (const other of depends) add(moduleNode(name), moduleNode(other));
  for (const s of stimuli)
    if ('drv' in s && s.drv !== null && 'dev' in s && s.drv !== '')
      add(deviceNode(s.dev), driverNode({ bus: s.bus, name: s.drv }));
  return { needs, neededBy };
}

function devicesNeededBy(spec: DeviceSpec): readonly string[] {
  const { parent, iommus = [], iommu_map = [], ipmmu, amd_vi } = spec;
  return [
    ...(parent === null ? [] : [parent]),
    ...iommus.map(({ iommu }) => iommu),
    ...iommu_map.map(({ iommu }) => iommu),
    ...(spec.suppliers ?? []),
    ...(spec.match_defers_on ?? []),
    ...(spec.child_suppliers ?? []),
    ...(ipmmu?.main === undefined ? [] : [ipmmu.main]),
    ...(amd_vi === undefined ? [] : [amd_vi.dev]),
  ];
}

function isFor(drv: DriverSpec, { bus, name, ids }: DeviceSpec): boolean {
  if (drv.bus !== bus) return false;
  return drv.name === name || drv.ids.some((id) => ids.some((own) => matchesId(id, own)));
}

function closure(start: ReadonlySet<string>, needs: Graph): Set<string> {
  const near = new Set(start);
  for (const node of near) for (const other of needs.get(node) ?? []) near.add(other);
  return near;
}

/** Devices, drivers and modules that are not near, and stimuli that name one of those. */
function partsOutside(draft: Draft, near: ReadonlySet<string>): readonly Part[] {
  const { devices, drivers, modules } = draft.machine;
  return [
    ...draft.steps.flatMap(({ stimulus }, index): readonly Part[] =>
      singlesOf(stimulus).some((step) => isNear(step, near)) ? [] : [{ kind: 'stimulus', index }],
    ),
    ...allDevices(devices).flatMap(({ name }): readonly Part[] =>
      near.has(deviceNode(name)) ? [] : [{ kind: 'device', name }],
    ),
    ...drivers.flatMap((drv): readonly Part[] =>
      near.has(driverNode(drv)) ? [] : [{ kind: 'driver', bus: drv.bus, name: drv.name }],
    ),
    ...modules.flatMap(({ name }): readonly Part[] =>
      near.has(moduleNode(name)) ? [] : [{ kind: 'module', name }],
    ),
  ];
}

/** Names it nothing, or something near? */
function isNear(s: Single, near: ReadonlySet<string>): boolean {
  if ('dev' in s && s.dev !== null) return near.has(deviceNode(s.dev));
  if ('drv' in s && s.drv !== null) return near.has(driverNode({ bus: s.bus, name: s.drv }));
  return !('module' in s) || near.has(moduleNode(s.module));
}
