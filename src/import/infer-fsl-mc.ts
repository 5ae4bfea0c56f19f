/**
 * The devices of Freescale's management complex behind a log: a root that firmware describes makes a
 * container, and the container's driver makes what is in it.
 */
import type { DeviceSpec } from '../events/machine.ts';
import type { Evidence } from './evidence.ts';
import { seenId } from './infer-drivers.ts';
import type { Waits } from './infer-waits.ts';

const ROOT_DRIVER = 'fsl_mc_bus';
/** The container that a log without one must have. */
const CONTAINER = 'dprc.1';

/**
 * Hangs what is on the bus below its container and the containers below the root. The log does not say
 * what is in which container: what shares a group with one is, and the rest is in the first.
 *
 * A container speaks under one id, which the root maps to a stream; any will do. Cost: each device of the bus
 * with each container.
 */
export function withManagementComplex(
  devices: readonly DeviceSpec[],
  evidence: Evidence,
  waits: Waits,
): readonly DeviceSpec[] {
  const objects = Object.keys(evidence.buses).filter((name) => evidence.buses[name] === 'fsl-mc');
  const root = evidence.pairs.find(({ drv }) => drv === ROOT_DRIVER)?.dev;
  if (objects.length === 0 || root === undefined) return devices;
  const named = objects.filter((name) => name.startsWith('dprc.'));
  const containers = named.length === 0 ? [CONTAINER] : named;
  const groupOf = (dev: string) => evidence.joins.find((join) => join.dev === dev)?.group ?? null;
  const containerOf = (dev: string): number => {
    const group = groupOf(dev);
    const at = containers.findIndex((one) => group !== null && groupOf(one) === group);
    return Math.max(at, 0);
  };
  const spec = (name: string, parent: string, icid: number): DeviceSpec => ({
    ...{ name, bus: 'fsl-mc', parent, ids: [idOf(name), seenId(name)], icid },
  });
  const made = containers.map((container, i): DeviceSpec => {
    const own = objects.filter((name) => !named.includes(name) && containerOf(name) === i);
    const inside = own.map((name) => spec(name, container, i));
    return { ...spec(container, root, i), ...(inside.length === 0 ? {} : { creates: inside }) };
  });
  const iommu = [...containers, ...objects].map(waits.iommuOf).find((one) => one !== null);
  const map = { rid_base: 0, sid_base: STREAMS, length: containers.length };
  return devices
    .filter(({ bus }) => bus !== 'fsl-mc')
    .map((device) =>
      device.name === root
        ? {
            ...device,
            creates: made,
            ...(iommu == null ? {} : { iommu_map: [{ ...map, iommu }] }),
          }
        : device,
    );
}

/** Streams of containers: any that no other device has. */
const STREAMS = 0x3_0000_0000;

/** Kernel: drivers/bus/fsl-mc/fsl-mc-bus.c:modalias_show, v6.1: vendor and type. */
const idOf = (name: string): string => `fsl-mc:v00001957d${name.replace(/\..*$/, '')}`;
