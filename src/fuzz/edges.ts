/** How many of the known calls from path to path were reached. */
import { EDGES } from './edge-table.ts';

const KNOWN: ReadonlySet<string> = new Set(EDGES);

/** Reached calls that the table has, and how many it has. */
export function edgesReached(points: ReadonlySet<string>): {
  readonly edges: number;
  readonly of: number;
} {
  let edges = 0;
  for (const edge of KNOWN) if (points.has(`call ${edge}`)) edges += 1;
  return { edges, of: KNOWN.size };
}
