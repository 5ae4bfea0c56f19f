import { builtIn } from '../model/firmware/board.ts';
import { KNOWN_DRIVERS } from '../model/firmware/driver-table.ts';
import type { Knowledge } from './driver.ts';

/** The drivers that a scenario may name without describing them: built in, their probes succeed. */
export const driverKnowledge: Knowledge = {
  known: (name) => {
    const driver = KNOWN_DRIVERS.find((one) => one.name === name);
    return driver === undefined ? undefined : builtIn(driver);
  },
  knownNames: KNOWN_DRIVERS.map(({ name }) => name),
};
