/**
 * What a crash goes back to: what its path had found of the device that it was at work on, of the IOMMU
 * and the bus behind it, and of what its message names. The claim itself reads no more than that there
 * was a crash.
 */
import type { Recorded } from '../events/event.ts';
import type { Machine } from '../events/machine.ts';
import type { ReadState } from '../model/state/state.ts';

/** What of the state is looked at, and what it is about. */
export interface OopsLooks {
  readonly names: readonly string[];
  readonly look: (state: ReadState) => unknown;
}

/** Cost: back to the last thing that the task of the crash did to a device; each name of the machine once. */
export function oopsLooks(
  events: readonly Recorded[],
  event: number,
  machine: Pick<Machine, 'modules' | 'drivers'>,
  { devices, iommus }: ReadState,
): OopsLooks {
  const recorded = events[event];
  const what = recorded?.event.type === 'kernel.oopsed' ? recorded.event.what : '';
  const words = new Set(what.split(/[\s,;:]+/));
  const own = deviceOf(events, event);
  const named = Object.keys(devices).filter((dev) => words.has(dev) && dev !== own);
  const about = own === null ? named : [own, ...named];
  const instances = about.flatMap((dev) => {
    const { iommu = null, fwspec = null } = devices[dev] ?? {};
    return [iommu, fwspec?.iommu ?? null].filter((one) => one !== null);
  });
  const listed = iommus.filter(({ name }) => words.has(name)).map(({ name }) => name);
  const known = [
    ...machine.modules.map(({ name }) => name),
    ...machine.drivers.flatMap(({ module }) => module ?? []),
  ];
  const modules = [...new Set(known)].filter((module) => words.has(module));
  return {
    names: [...new Set([...about, ...instances, ...listed, ...modules])],
    look: (state) => [
      state.oops,
      about.map((dev) => lookAtDevice(state, dev)),
      instances.length + listed.length === 0 ? null : state.iommus,
      modules.map((module) => state.modules[module]?.state),
    ],
  };
}

/** The device that the task of an event was last at work on. */
function deviceOf(events: readonly Recorded[], event: number): string | null {
  const task = events[event]?.task;
  for (let n = event - 1; n >= 0; n -= 1) {
    const one = events[n];
    if (one === undefined || one.task !== task) continue;
    if (one.event.type === 'task.started') return null;
    if ('dev' in one.event && one.event.dev !== null) return one.event.dev;
  }
  return null;
}

function lookAtDevice({ devices, buses }: ReadState, dev: string): unknown {
  const device = devices[dev];
  if (device === undefined) return null;
  const bus = buses[device.bus];
  return [
    [device.driver, device.bound, device.unbinding],
    [device.dev_iommu, device.fwspec?.iommu, device.iommu, device.iommu_ops, device.iommu_freed],
    [device.iommu_group, device.dma_ops, device.archdata.mapping, device.dma_buffer?.ops],
    [bus?.iommu_ops, bus?.iommu_ops_at],
  ];
}
