/**
 * Does a driver's id match a device's?
 *
 * Ids are compared as whole strings; `*` in the driver's id stands for any run of characters and `?`
 * for one, as in the aliases that modules carry. Takes at most |driverId| × |deviceId| steps, and
 * never more than one restart per character of the device's id.
 *
 * Kernel: the id tables of each bus' match function; scripts/mod/file2alias.c writes the same as
 * globs. Leaves out: character classes, priorities between ids.
 */
export function matchesId(driverId: string, deviceId: string): boolean {
  let p = 0;
  let d = 0;
  let star = -1;
  let resume = 0;
  while (d < deviceId.length) {
    const wanted = driverId[p];
    if (wanted === '*') {
      star = p;
      resume = d;
      p += 1;
    } else if (wanted === '?' || (wanted !== undefined && wanted === deviceId[d])) {
      p += 1;
      d += 1;
    } else if (star >= 0) {
      p = star + 1;
      resume += 1;
      d = resume;
    } else {
      return false;
    }
  }
  while (driverId[p] === '*') p += 1;
  return p === driverId.length;
}

/** Does any id of a driver match any of a device's? Cost: the product of the two lists. */
export function matchesAny(driverIds: readonly string[], deviceIds: readonly string[]): boolean {
  return driverIds.some((drv) => deviceIds.some((dev) => matchesId(drv, dev)));
}
