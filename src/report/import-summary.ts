/** What an import recognised, inferred and contradicted, as one document. */
import { foldAll } from '../engine/history.ts';
import type { Origin } from '../events/event.ts';
import { emptyTable, type Table } from '../events/table.ts';
import type { Trace } from '../events/trace.ts';
import type { LoggedFault } from '../import/fault-replay.ts';
import type { Divergence } from '../import/guide.ts';
import type { Observation } from '../import/observation.ts';
import type { ReadLog } from '../import/read-log.ts';
import { shownLine } from '../import/record.ts';
import type { EvidenceReport } from '../import/weigh-evidence.ts';
import type { Violation } from '../invariants/invariant.ts';
import { profileOf } from '../model/versions/profile.ts';

/** What the summary is made of; `log` is null for a source that is no log. */
export interface Import {
  readonly kind: string;
  readonly trace: Trace;
  readonly log: Pick<ReadLog, 'format' | 'lines' | 'records' | 'kinds'> | null;
  /** The user said which kernel to run. */
  readonly isKernelAsked: boolean;
  /** The boot that was replayed, from 0, and how many the log holds. */
  readonly boot: number;
  readonly boots: number;
  readonly observations: readonly Observation[];
  readonly unrecognised: readonly {
    readonly shape: string;
    readonly count: number;
    readonly line: number;
  }[];
  readonly divergences: readonly Divergence[];
  readonly violations: readonly Violation[];
  readonly faults: readonly LoggedFault[];
  /** Why a run without a violation would prove little. */
  readonly doubts: readonly string[];
  /** Devices that are deferred at the end. */
  readonly waiting: readonly {
    readonly dev: string;
    readonly waitsFor: string | null;
    readonly reason: string | null;
  }[];
  /** What came of the files beside the log. */
  readonly evidence: readonly EvidenceReport[];
  /** How many different secrets stand-ins were put for, by kind; null where none were to be. */
  readonly redacted: Readonly<Partial<Record<string, number>>> | null;
}

export type ImportSummary = ReturnType<typeof importSummary>;

/** The document of `import --json`. */
export function importSummary(given: Import) {
  const { trace, log, observations, unrecognised, divergences, violations } = given;
  const { kernel } = trace.header;
  const kinds = log?.kinds ?? emptyTable<number>();
  const unknown = unrecognised.reduce((sum, { count }) => sum + count, 0);
  return {
    source: {
      format: log?.format ?? given.kind,
      lines: log?.lines ?? 0,
      records: log?.records ?? 0,
      unrecognised: unknown,
      boot: given.boot,
      boots: given.boots,
    },
    kernel: {
      release: kernel.release,
      cmdline: kernel.cmdline === '' ? null : kernel.cmdline,
      version: kernel.version,
      profile: profileOf(kernel.version),
      assumed: log !== null && kernel.release === null && !given.isKernelAsked,
    },
    observations: { total: Object.values(kinds).reduce((sum, count) => sum + count, 0), kinds },
    devices: distinct(trace, 'device.added', (event) => event.dev),
    drivers: distinct(trace, 'driver.registered', (event) => `${event.bus} ${event.drv}`),
    groups: finalGroups(trace),
    everInGroups: everInGroups(trace, observations),
    iommus: iommusOf(trace),
    probeFailures: of(observations, ['probe.failed']).map((one) => ({
      line: shownLine(one.record),
      device: one.dev,
      driver: driverOf(one),
      error: one.error,
    })),
    faults: given.faults.map(({ dma, dev, isReplayed }) => ({
      line: shownLine(dma.observation.record),
      device: dev,
      iommu: dma.iommu,
      id: dma.id,
      addr: dma.addr,
      write: dma.write,
      replayed: isReplayed,
    })),
    deferrals: of(observations, ['probe.deferred', 'deferred.pending']).map((one) => ({
      line: shownLine(one.record),
      device: one.dev,
      driver: one.drv,
      reason: one.fields['reason'] ?? null,
    })),
    deferred: distinct(trace, 'deferred.added', (event) => event.dev),
    waiting: given.waiting,
    evidence: given.evidence.map(({ differs, ...report }) => ({
      ...report,
      differs: differs.length,
    })),
    events: { total: trace.events.length, ...originsOf(trace) },
    divergences,
    violations,
    doubts: given.doubts,
    shapes: unrecognised,
    ...(given.redacted === null ? {} : { redacted: given.redacted }),
  };
}

function of(observations: readonly Observation[], kinds: readonly string[]) {
  return observations.filter(({ kind }) => kinds.includes(kind));
}

/** The prefix of a line about a failed probe is the driver only where no bus has that name. */
function driverOf({ drv, prefix }: Observation): string | null {
  return drv ?? prefix;
}

type Event = Trace['events'][number]['event'];

function distinct<T extends Event['type']>(
  { events }: Trace,
  type: T,
  key: (event: Extract<Event, { type: T }>) => string,
): number {
  const isWanted = (event: Event): event is Extract<Event, { type: T }> => event.type === type;
  return new Set(events.flatMap(({ event }) => (isWanted(event) ? [key(event)] : []))).size;
}

function finalGroups({ events }: Trace): Table<readonly string[]> {
  const groups = emptyTable<readonly string[]>();
  for (const { id, devices } of Object.values(foldAll(events).groups)) groups[id] = devices;
  return groups;
}

/** Who was in which group at any time: as the log says, else, where it does not speak of groups, as the run has it. */
function everInGroups(
  { events }: Trace,
  observations: readonly Observation[],
): Table<readonly string[]> {
  const logged = of(observations, ['iommu.group.added']).flatMap(({ dev, group }) =>
    dev === null || group === null ? [] : [{ dev, group }],
  );
  const joined = events.flatMap(({ event }) => (event.type === 'group.joined' ? [event] : []));
  const groups = new Map<number, Set<string>>();
  for (const { dev, group } of logged.length > 0 ? logged : joined) {
    const members = groups.get(group) ?? new Set();
    groups.set(group, members.add(dev));
  }
  const table = emptyTable<readonly string[]>();
  for (const [group, members] of groups) table[group] = [...members];
  return table;
}

/** The ops of an IOMMU driver, as the contract spells the kind; others as they are. */
const KINDS: Readonly<Record<string, string>> = {
  virtio_iommu: 'virtio',
  'virtio-iommu': 'virtio',
  'ipmmu-vmsa': 'ipmmu',
  'intel-iommu': 'intel',
  'amd-iommu': 'amd',
};

function iommusOf({ events, header }: Trace) {
  const found = emptyTable<string>();
  for (const { name, iommu_kind } of header.machine.devices)
    if (iommu_kind !== undefined) found[name] = iommu_kind;
  for (const { event } of events)
    if (event.type === 'iommu.registered') found[event.iommu] = event.ops;
  return Object.entries(found).map(([device, kind]) => ({
    kind: Object.hasOwn(KINDS, kind) ? (KINDS[kind] ?? kind) : kind,
    device,
  }));
}

function originsOf({ events }: Trace): Record<Origin, number> {
  const counts: Record<Origin, number> = { observed: 0, implied: 0, assumed: 0 };
  for (const { origin } of events) counts[origin] += 1;
  return counts;
}
