/** What values of device links look like in files. */

import { oneOf } from './shape.ts';
import type { LinkFlag, LinkState, LinksStatus } from './terms.ts';

export const linkState = oneOf<LinkState>({
  NONE: true,
  DORMANT: true,
  AVAILABLE: true,
  CONSUMER_PROBE: true,
  ACTIVE: true,
  SUPPLIER_UNBIND: true,
});
export const linkFlag = oneOf<LinkFlag>({
  STATELESS: true,
  AUTOREMOVE_CONSUMER: true,
  PM_RUNTIME: true,
  RPM_ACTIVE: true,
  AUTOREMOVE_SUPPLIER: true,
  AUTOPROBE_CONSUMER: true,
  MANAGED: true,
  SYNC_STATE_ONLY: true,
  INFERRED: true,
  CYCLE: true,
});
export const linksStatus = oneOf<LinksStatus>({
  NO_DRIVER: true,
  PROBING: true,
  DRIVER_BOUND: true,
  UNBINDING: true,
});
