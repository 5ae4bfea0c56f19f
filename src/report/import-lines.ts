/** What an import recognised, inferred and contradicted, as text. */
import { disagreement } from '../events/disagreement.ts';
import { errnoName } from '../events/errno.ts';
import { emptyTable, type Table } from '../events/table.ts';
import type { Divergence } from '../import/guide.ts';
import { describeKernel } from '../model/versions/profile.ts';
import type { Import, ImportSummary } from './import-summary.ts';
import { aligned, counted, type Line, line } from './line.ts';
import { violated } from './violated.ts';

/** What is shown; the rest is in the document. */
const SHAPES_MAX = 10;
const LISTED_MAX = 10;
const IOMMUS_MAX = 3;
const FAULTS_MAX = 3;
const LOG_TEXT_MAX = 100;
const SAID_MAX = 4;
const ADDED_MAX = 6;

/** The summary for people. */
export function importLines(summary: ImportSummary): readonly Line[] {
  const { source, kernel, events, observations, divergences, violations } = summary;
  const boot =
    source.boots > 1 ? `, boot ${source.boot + 1} of ${source.boots}; --boot takes another` : '';
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
    ...summary.evidence.map((one) => ['evidence', evidenceText(one)]),
    ['contradicted', contradictedText(divergences)],
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

type Fault = ImportSummary['faults'][number];

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

type Failure = ImportSummary['probeFailures'][number];

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
function iommusText(iommus: ImportSummary['iommus']): string {
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

function divergenceLine({ line: at, expected, observed, evidence }: Divergence): Line {
  if (evidence !== undefined) {
    const { file, line: there } = evidence;
    const where = there === null ? file : `${file}:${there}`;
    return line(`${where} has "${clipped(observed)}", the model "${clipped(expected)}"`);
  }
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

function countBy<T>(items: readonly T[], key: (item: T) => string): Table<number> {
  const counts = emptyTable<number>();
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}

function contradictedText(divergences: readonly Divergence[]): string {
  const beside = divergences.filter(({ evidence }) => evidence !== undefined).length;
  const inLog = counted(divergences.length - beside, 'line');
  return beside === 0 ? inLog : `${inLog}, and files beside the log in ${counted(beside, 'place')}`;
}

/** The file, what it said, how much of that the run agrees with, and what it changed. */
function evidenceText({
  file,
  kind,
  said,
  agreed,
  differs,
  changed,
}: ImportSummary['evidence'][number]) {
  const list = (counts: Readonly<Record<string, number>>, most: number) => {
    const all = Object.entries(counts).filter(([, count]) => count > 0);
    const shown = all
      .slice(0, most)
      .map(([what, count]) => (count === 1 ? `1 ${what.replace(/s$/, '')}` : `${count} ${what}`));
    return shown.length === 0 ? 'nothing' : shown.join(', ') + (all.length > most ? ', …' : '');
  };
  const compared = agreed === null ? '' : `; ${agreed} agree, ${differs} do not`;
  const hasChanged = Object.values(changed).some((count) => count > 0);
  const nothing = kind === 'config' ? '' : '; added nothing';
  const added = hasChanged ? `; added ${list(changed, ADDED_MAX)}` : nothing;
  return `${file} (${kind}): ${list(said, SAID_MAX)}${compared}${added}`;
}
