/** Every call from kernel path to kernel path that the scenarios reach, as `caller>callee`. */
export const EDGES: readonly string[] = [];
