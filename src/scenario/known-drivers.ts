import type { DriverSpec } from '../events/machine.ts';
import { driverIds, KNOWN_DRIVERS } from '../model/firmware/driver-table.ts';
import type { Knowledge } from './driver.ts';

/** The drivers that a scenario may name without describing them: built in, their probes succeed. */
export const driverKnowledge: Knowledge = {
  known: (name): DriverSpec | undefined => {
    const driver = KNOWN_DRIVERS.find((one) => one.name === name);
    return driver === undefined
      ? undefined
      : {
          name,
          bus: driver.bus,
          module: null,
          ids: driverIds(driver.bus, name),
          driver_managed_dma: driver.driver_managed_dma ?? false,
          suppress_bind_attrs: driver.suppress_bind_attrs ?? false,
          probe_type: 'default',
        };
  },
  knownNames: KNOWN_DRIVERS.map(({ name }) => name),
};
