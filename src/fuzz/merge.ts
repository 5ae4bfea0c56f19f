/** Journals of shards joined into the journal that one campaign of all their segments would have. */
import { ReprobeError } from '../error.ts';
import { canonicalJson } from '../events/canonical.ts';
import type { CampaignHeader, JournalRecord } from './journal.ts';
import {
  addFound,
  addSegment,
  chooseSightings,
  createLedger,
  type Found,
  type Ledger,
  newPoints,
  type SegmentRecord,
} from './ledger.ts';
import { PARTS, type Plan, WHOLE } from './plan.ts';

/** A journal and where it is from. */
export interface Part {
  readonly file: string;
  readonly records: readonly JournalRecord[];
}

export interface Merged {
  readonly plan: Plan;
  /** Of the whole campaign, in order, with its header. */
  readonly records: readonly JournalRecord[];
  readonly ledger: Ledger;
  /** Segments that no journal has, up to the last that one has. */
  readonly missing: readonly number[];
  /** Shards, from 1, of which there is no journal. */
  readonly absent: readonly number[];
}

/**
 * Joins journals of one campaign. A shard looks into at least those of its sightings that one campaign
 * would look into, for it knows no more of what was seen before: what one campaign would have is there.
 *
 * @throws ReprobeError BAD_CAMPAIGN for journals of two campaigns, or none.
 */
export function mergeParts(parts: readonly Part[]): Merged {
  const header = commonHeader(parts);
  const segments = new Map<number, SegmentRecord>();
  const founds = new Map<string, Found>();
  for (const record of parts.flatMap(({ records }) => records)) {
    if (record.kind === 'found') founds.set(idOf(record), record);
    if (record.kind !== 'segment') continue;
    const known = segments.get(record.segment);
    if (known === undefined || known.runs < record.runs) segments.set(record.segment, record);
  }
  const last = Math.max(-1, ...segments.keys());
  const missing = Array.from({ length: last + 1 }, (_, n) => n).filter((n) => !segments.has(n));
  const shard = missing.length === 0 ? WHOLE : PARTS;
  const { schema, model, plan } = header;
  const records: JournalRecord[] = [{ kind: 'campaign', schema, model, plan, shard }];
  const ledger = createLedger();
  const addOne = (found: Found): void => {
    const { segment, run, key, finding } = found;
    addFound(ledger, found);
    records.push({ kind: 'found', segment, run, key, finding });
  };
  for (const [, record] of [...segments].sort(([a], [b]) => a - b)) {
    for (const { key } of chooseSightings(ledger, record)) {
      const found = founds.get(idOf({ segment: record.segment, key }));
      if (found !== undefined) addOne(found);
    }
    const own: JournalRecord = {
      ...{ kind: 'segment', ...record },
      points: newPoints(ledger, record.points),
    };
    addSegment(ledger, own);
    records.push(own);
  }
  // A shard that was killed has found what its segment was not closed for.
  for (const found of founds.values()) if (!segments.has(found.segment)) addOne(found);
  return { plan, records, ledger, missing, absent: absentShards(parts) };
}

const idOf = ({ segment, key }: Pick<Found, 'segment' | 'key'>): string => `${segment} ${key}`;

function commonHeader(parts: readonly Part[]): CampaignHeader {
  const [first, ...others] = parts.map(headerOf);
  if (first === undefined) throw new ReprobeError('USAGE', 'There is nothing to merge.');
  for (const [i, other] of others.entries()) {
    const what = first.model === other.model ? 'campaign' : 'version of reprobe';
    if (sameOf(first) === sameOf(other)) continue;
    throw new ReprobeError('BAD_CAMPAIGN', `The folders are of more than one ${what}.`, {
      file: parts[i + 1]?.file ?? null,
      hint: 'shards that can be merged differ in --shard alone',
    });
  }
  return first;
}

const sameOf = ({ schema, model, plan }: CampaignHeader): string =>
  canonicalJson({ schema, model, plan });

function absentShards(parts: readonly Part[]): readonly number[] {
  const shards = parts.map((part) => headerOf(part).shard);
  const of = Math.max(...shards.map((shard) => shard.of));
  const there = new Set(shards.flatMap((shard) => (shard.of === of ? shard.index : [])));
  // Shard 3/3 makes segment 0.
  return Array.from({ length: of }, (_, n) => n + 1).filter((n) => !there.has(n % of));
}

function headerOf({ file, records: [first] }: Part): CampaignHeader {
  if (first?.kind === 'campaign') return first;
  throw new ReprobeError('BAD_CAMPAIGN', 'There is no campaign in this folder.', {
    file,
    hint: 'name folders that `reprobe fuzz --out` made',
  });
}
