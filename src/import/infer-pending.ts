/** What the devices wait for that are still deferred when the timeout, or a file, lists them. */
import { ENODEV } from '../model/errno.ts';
import type { Evidence, SeenPending } from './evidence.ts';

/** Matches devices whose driver the log does not name: only what a driver matches is deferred. */
export const UNNAMED_DRIVER = 'unnamed-driver';
/** The same, of devices that began to wait later than others: a module. */
export const UNNAMED_LATE_DRIVER = 'unnamed-late-driver';
/** What a driver waits for that does not say it. It never comes. */
export const UNNAMED_SUPPLIER = 'unnamed-supplier';

/** The devices that the timeout left waiting, with what they wait for. */
export interface Pending {
  /** The device that firmware makes it wait for; null for none. */
  readonly supplierOf: (dev: string) => string | null;
  /** What its driver's probe says when it defers: '' for nothing; null where it does not. */
  readonly reasonOf: (dev: string, drv: string) => string | null;
}

const BY_LINK = /^[\w-]+: (?:supplier (\S+) not ready|wait for supplier (\S+))$/;
const BY_DRIVER = /^([\w.,+-]+): (.+)$/;

/**
 * Completes the evidence by the drivers that must have matched, and reads what each device waits
 * for. One that is at work in a later line is left out: what it waited for came, and the log does
 * not say when.
 */
export function inferPending(evidence: Evidence): Pending {
  const suppliers = new Map<string, string>();
  const reasons = new Map<string, string>();
  for (const seen of evidence.pending) {
    const { dev, line, reason } = seen;
    if (evidence.pairs.some((pair) => pair.dev === dev && pair.line > line)) continue;
    const link = BY_LINK.exec(reason ?? '');
    const supplier = link?.[1] ?? link?.[2];
    if (supplier === undefined) {
      const [drv, text] = deferring(evidence, seen);
      addPair(evidence, seen, drv);
      reasons.set(`${drv} ${dev}`, text);
      continue;
    }
    suppliers.set(dev, supplier);
    if (!isMatched(evidence, dev)) addPair(evidence, seen, UNNAMED_DRIVER);
    if (link?.[1] !== undefined) addSupplier(evidence, seen, supplier);
  }
  return {
    supplierOf: (dev) => suppliers.get(dev) ?? null,
    reasonOf: (dev, drv) => reasons.get(`${drv} ${dev}`) ?? null,
  };
}

/** The driver that deferred, as its reason names it or as it was seen before, and what it said. */
function deferring(
  evidence: Evidence,
  { dev, reason, late }: SeenPending,
): [drv: string, text: string] {
  const unnamed = late === true ? UNNAMED_LATE_DRIVER : UNNAMED_DRIVER;
  const [, drv, text = ''] = BY_DRIVER.exec(reason ?? '') ?? [];
  if (drv !== undefined) return [drv, text];
  return [evidence.pairs.find((pair) => pair.dev === dev)?.drv ?? unnamed, ''];
}

/** A supplier that exists and is not bound. A driver matched it, or nobody would wait any more. */
function addSupplier(evidence: Evidence, seen: SeenPending, supplier: string): void {
  evidence.buses[supplier] ??= 'platform';
  const waits = evidence.pending.some(({ dev }) => dev === supplier);
  if (waits || isMatched(evidence, supplier)) return;
  addPair(evidence, { ...seen, dev: supplier }, UNNAMED_DRIVER);
  evidence.results[`${UNNAMED_DRIVER} ${supplier}`] = [-ENODEV];
}

function isMatched(evidence: Evidence, dev: string): boolean {
  return evidence.pairs.some((pair) => pair.dev === dev);
}

function addPair(evidence: Evidence, { dev, line }: SeenPending, drv: string): void {
  if (!evidence.pairs.some((pair) => pair.dev === dev && pair.drv === drv))
    evidence.pairs.push({ dev, drv, line });
}
