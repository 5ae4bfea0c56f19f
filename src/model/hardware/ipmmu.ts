/**
 * IPMMUs as the hardware has them: micro-TLBs, each of which goes through a translation context or past
 * them all, and contexts, which the IPMMUs of newer chips have in one of them for all.
 *
 * Source: the register names of the driver; which IPMMU has the contexts is in the device tree.
 */

import type { DomainType, StreamType } from '../../events/terms.ts';
import type { Facts } from '../context.ts';

/** The IPMMU whose contexts this one uses. */
export function rootOf(k: Pick<Facts, 'machine'>, iommu: string): string {
  return k.machine.devices.find(({ name }) => name === iommu)?.ipmmu?.main ?? iommu;
}

/** Has it contexts for other IPMMUs, and no masters of its own? */
export function isRootOfOthers(k: Pick<Facts, 'machine'>, iommu: string): boolean {
  return k.machine.devices.some(({ ipmmu }) => ipmmu?.main === iommu);
}

/** The context that a domain of a group has; null for none. */
export function contextOf(
  k: Facts,
  root: string,
  group: number,
  domain: DomainType,
): number | null {
  const contexts = Object.entries(k.state.ipmmus[root]?.contexts ?? {});
  const found = contexts.find(([, user]) => user.group === group && user.domain === domain);
  return found === undefined ? null : Number(found[0]);
}

/**
 * What becomes of requests of a micro-TLB: one that is switched off lets them past; null for an IPMMU of
 * which no driver has written anything.
 */
export function requestAtIpmmu(k: Facts, iommu: string, id: number): StreamType | null {
  const ipmmu = k.state.ipmmus[iommu];
  if (ipmmu === undefined) return null;
  return ipmmu.utlbs[id] === undefined ? 'bypass' : 'translate';
}

/** The driver does not use more contexts than this, however many there are. */
const CONTEXTS = 8;

/** The lowest context of the IPMMU that no domain has; null when all are taken. */
export function freeIpmmuContext(k: Facts, root: string): number | null {
  const spec = k.machine.devices.find(({ name }) => name === root);
  const used = k.state.ipmmus[root]?.contexts ?? {};
  const first = spec?.ipmmu?.reserved_context === true ? 1 : 0;
  for (let context = first; context < (spec?.contexts ?? CONTEXTS); context += 1)
    if (used[context] === undefined) return context;
  return null;
}
