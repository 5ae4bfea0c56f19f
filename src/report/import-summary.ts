/** What an import recognised, inferred and contradicted: as one document and as text. */
import { foldAll } from '../engine/history.ts';
import { disagreement } from '../events/disagreement.ts';
import { errnoName } from '../events/errno.ts';
import type { Origin } from '../events/event.ts';
import { emptyTable, type Table } from '../events/table.ts';
import type { Trace } from '../events/trace.ts';
import type { Divergence } from '../import/guide.ts';
import type { Observation } from '../import/observation.ts';
import type { ReadLog } from '../import/read-log.ts';
import type { LoggedFault } from '../import/replay.ts';
import type { Violation } from '../invariants/invariant.ts';
import { describeKernel, profileOf } from '../model/versions/profile.ts';
import { aligned, counted, type Line, line } from './line.ts';
import { violated } from './violated.ts';

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
  /** How many different secrets stand-ins were put for, by kind; null where none were to be. */
  readonly redacted: Readonly<Partial<Record<string, number>>> | null;
}

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
    everInGroups: everInGroups(trace),
    iommus: iommusOf(trace),
    probeFailures: of(observations, ['probe.failed']).map((one) => ({
      line: one.record.line,
      device: one.dev,
      driver: driverOf(one),
      error: one.error,
    })),
    faults: given.faults.map(({ dma, dev, isReplayed }) => ({
      line: dma.observation.record.line,
      device: dev,
      iommu: dma.iommu,
      id: dma.id,
      addr: dma.addr,
      write: dma.write,
      replayed: isReplayed,
    })),
    deferrals: of(observations, ['probe.deferred', 'deferred.pending']).map((one) => ({
      line: one.record.line,
      device: one.dev,
      driver: one.drv,
      reason: one.fields['reason'] ?? null,
    })),
    deferred: distinct(trace, 'deferred.added', (event) => event.dev),
    waiting: given.waiting,
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

function countBy<T>(items: readonly T[], key: (item: T) => string): Table<number> {
  const counts = emptyTable<number>();
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
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

function everInGroups({ events }: Trace): Table<string[]> {
  const groups = emptyTable<string[]>();
  for (const { event } of events) {
    if (event.type !== 'group.joined') continue;
    const list = groups[event.group] ?? [];
    if (!list.includes(event.dev)) list.push(event.dev);
    groups[event.group] = list;
  }
  return groups;
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

/** What is shown; the rest is in the document. */
const SHAPES_MAX = 10;
const LISTED_MAX = 10;
const IOMMUS_MAX = 3;
const FAULTS_MAX = 3;
const LOG_TEXT_MAX = 100;

/** The summary for people. */
export function importLines(summary: ReturnType<typeof importSummary>): readonly Line[] {
  const { source, kernel, events, observations, divergences, violations } = summary;
  const boot = source.boots > 1 ? `, boot ${source.boot + 1} of ${source.boots}` : '';
  const size = `${counted(source.lines, 'line')}, ${counted(source.records, 'record')}`;
  const read = `${source.format}, ${size}${boot}`;
  const kinds = `${observations.total} of ${counted(Object.keys(observations.kinds).length, 'kind')}`;
  const from = `${events.observed} observed, ${events.implied} implied, ${events.assumed} assumed`;
  const groups = Object.values(summary.groups);
  const members = groups.reduce((sum, devices) => sum + devices.length, 0);
  const rows = [
    ['source', read],
    ['kernel', describeKernel(kernel, kernel.assumed)],
    ['observations', kinds],
    ['events', `${events.total}: ${from}`],
    ['devices', `${summary.devices}, ${counted(summary.drivers, 'driver')}`],
    ['iommus', iommusText(summary.iommus)],
    ['groups', `${groups.length} with ${counted(members, 'device')}`],
    ['failures', `${counted(summary.probeFailures.length, 'probe')} failed`],
    ['faults', faultsText(summary.faults)],
    ['deferred', `${counted(summary.deferred, 'device')}, ${summary.waiting.length} at the end`],
    ['contradicted', counted(divergences.length, 'line')],
    ['violated', violations.length === 0 ? 'nothing' : violated(violations)],
    ['unrecognised', `${counted(source.unrecognised, 'record')} that look relevant`],
    ...(summary.redacted === undefined ? [] : [['redacted', redactedText(summary.redacted)]]),
  ];
  return [
    ...aligned(rows),
    ...firstOf(summary.probeFailures, 'failure', failureLine),
    ...firstOf(summary.waiting, 'waiting device', waitingLine),
    ...summary.doubts.map((doubt) => line(`doubt: ${doubt}`)),
    ...firstOf(violations, 'violation', (one) =>
      line(`violation at #${one.event}: ${one.message}`, 'bad'),
    ),
    ...firstOf(divergences, 'contradiction', divergenceLine),
    ...shapeLines(summary.shapes),
  ];
}

type Fault = ReturnType<typeof importSummary>['faults'][number];

/** Whose DMA was refused and how often, most often first. */
function faultsText(faults: readonly Fault[]): string {
  if (faults.length === 0) return 'no DMA refused';
  const whose = ({ device, id }: Fault) => device ?? (id === null ? '?' : `0x${id.toString(16)}`);
  const counts = Object.entries(countBy(faults, whose)).sort(([, a], [, b]) => b - a);
  const shown = counts.slice(0, FAULTS_MAX).map(([who, count]) => `${who} ${count} times`);
  const more = counts.length > shown.length ? ', …' : '';
  return `DMA refused: ${shown.join(', ')}${more}`.replaceAll(' 1 times', ' once');
}

function redactedText(counts: NonNullable<Import['redacted']>): string {
  const kinds = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  return kinds.length === 0 ? 'nothing: no secret was found' : kinds.join(', ');
}

type Failure = ReturnType<typeof importSummary>['probeFailures'][number];

function failureLine({ line: at, device, driver, error }: Failure): Line {
  const by = driver === null ? '' : ` with ${driver}`;
  const how = error === null ? '' : `: ${errnoName(error)}`;
  return line(`line ${at}: probe of ${device ?? 'a device'}${by} failed${how}`);
}

function waitingLine({ dev, waitsFor, reason }: Import['waiting'][number]): Line {
  const supplier = waitsFor === null ? ', nobody knows what for' : ` for ${waitsFor}`;
  return line(
    `${dev} still waits${supplier}${reason === null ? '' : ` (${reason.trim()})`}`,
    'bad',
  );
}

/** By name while they fit into the line, then by how many of each kind there are. */
function iommusText(iommus: ReturnType<typeof importSummary>['iommus']): string {
  if (iommus.length === 0) return 'none';
  if (iommus.length <= IOMMUS_MAX)
    return iommus.map(({ kind, device }) => `${device} (${kind})`).join(', ');
  const kinds = Object.entries(countBy(iommus, ({ kind }) => kind));
  return kinds.map(([kind, count]) => `${count} ${kind}`).join(', ');
}

function firstOf<T>(items: readonly T[], name: string, lineOf: (item: T) => Line): readonly Line[] {
  const more = items.length - LISTED_MAX;
  const rest = line(`and ${counted(more, `more ${name}`)}; --json has them all`, 'dim');
  return [...items.slice(0, LISTED_MAX).map(lineOf), ...(more <= 0 ? [] : [rest])];
}

function divergenceLine({ line: at, expected, observed }: Divergence): Line {
  const between = { expected: clipped(expected), observed: clipped(observed) };
  return line(`line ${at}: ${disagreement(between)}`);
}

function clipped(text: string): string {
  return text.length <= LOG_TEXT_MAX ? text : `${text.slice(0, LOG_TEXT_MAX - 1)}…`;
}

function shapeLines(shapes: Import['unrecognised']): readonly Line[] {
  if (shapes.length === 0) return [];
  const shown = shapes.slice(0, SHAPES_MAX);
  const more = shapes.length - shown.length;
  return [
    line('unrecognised, by shape', 'head'),
    ...aligned(
      shown.map(({ shape, count, line: at }) => [`${count}x`, `line ${at}`, shape]),
      [0],
      '  ',
    ),
    ...(more === 0 ? [] : [line(`  and ${more} more; --json has them all`, 'dim')]),
  ];
}
