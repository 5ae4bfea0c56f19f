/** What a trace says about the model: groups, attachments, faults, and how probes ended. */
import { ReprobeError } from '../error.ts';
import { emptyTable, type Table, tableOf } from '../events/table.ts';
import { ENODEV, ENXIO, EPROBE_DEFER } from '../model/errno.ts';
import { type FtraceLine, linesOfTrace } from './ftrace-file.ts';
import {
  actionMarked,
  type KprobeCall,
  type KprobeEvent,
  kprobeCalls,
  kprobeEvent,
} from './kprobe-file.ts';
import type { ObservationKind } from './observation.ts';

/** One event of a trace that a line of the log could tell as well. */
export interface TracedFact {
  readonly kind: ObservationKind;
  /** Stands for the catalogue's row. */
  readonly row: string;
  readonly dev: string;
  readonly drv: string | null;
  readonly group: number | null;
  /** As the kernel prints it, negative. */
  readonly error: number | null;
  readonly fields: Table<string>;
  readonly timeUs: number;
  /** Line of the file, from 1, and what stands there. */
  readonly line: number;
  readonly text: string;
}

export interface Traced {
  /** In the order of their time. */
  readonly facts: readonly TracedFact[];
  /** Calls of probed functions, paired with their returns. */
  readonly calls: readonly KprobeCall[];
  /** Devices that were added while a driver was asked for another device: by it, as far as all agree. */
  readonly makers: ReadonlyMap<string, string>;
  /** How often each event stands there that makes neither. */
  readonly others: Readonly<Table<number>>;
  readonly events: number;
  /** Time of the first event; null for a trace without any. */
  readonly firstUs: number | null;
}

/** The row of what a trace says: of such an observation no line of the log was seen. */
export const TRACED_ROW = 'ftrace-';

/**
 * Reads the text of a trace. Time is linear in its length, but for the depth of calls.
 *
 * @throws ReprobeError BAD_EVIDENCE for a line that is none, unless it is the last and may be torn.
 */
export function readTraced(text: string, file: string): Traced {
  const facts: TracedFact[] = [];
  const probes: KprobeEvent[] = [];
  const others = emptyTable<number>();
  let events = 0;
  let action = 0;
  let firstUs: number | null = null;
  for (const seen of linesOfTrace(text)) {
    if ('isLast' in seen) {
      if (seen.isLast) break;
      throw badLine(seen.text, seen.line, file);
    }
    events += 1;
    firstUs = firstUs === null ? seen.timeUs : Math.min(firstUs, seen.timeUs);
    action = actionMarked(seen) ?? action;
    const probe = kprobeEvent(seen, action);
    const fact = probe === null ? tracepoint(seen) : groupJoin(probe, seen.text);
    if (probe !== null) probes.push(probe);
    if (fact !== null) facts.push(fact);
    else if (probe === null) others[seen.name] = (others[seen.name] ?? 0) + 1;
  }
  const calls = kprobeCalls(probes);
  for (const call of calls) facts.push(...probeFacts(call));
  facts.sort((a, b) => a.timeUs - b.timeUs);
  return { facts, calls, makers: makersIn(probes), others, events, firstUs };
}

/** Cost: each event once, and with it the probes that its task has open. */
function makersIn(events: readonly KprobeEvent[]): ReadonlyMap<string, string> {
  const open = new Map<number, string[]>();
  const makers = new Map<string, string>();
  const unclear = new Set<string>();
  for (const { probe, pid, isReturn, args } of events) {
    const stack = open.get(pid) ?? [];
    open.set(pid, stack);
    const dev = args['dev'] ?? '';
    if (probe === 'really_probe') {
      if (isReturn) stack.pop();
      else stack.push(dev);
    } else if (probe === 'device_add' && !isReturn && dev !== '') {
      const maker = stack.at(-1);
      const known = makers.get(dev) ?? maker;
      if (maker === undefined || known !== maker) unclear.add(dev);
      else makers.set(dev, maker);
    }
  }
  for (const dev of unclear) makers.delete(dev);
  return makers;
}

function badLine(sourceLine: string, line: number, file: string): ReprobeError {
  return new ReprobeError('BAD_EVIDENCE', 'This is not a line of a trace.', {
    file,
    line,
    column: Math.max(1, sourceLine.search(/\S/) + 1),
    sourceLine,
    hint: 'expected TASK-PID [CPU] FLAGS SECONDS.MICROSECONDS: EVENT: what it says',
  });
}

const GROUP_EVENT = /^IOMMU: groupID=(\d{1,9}) device=(\S+)$/;
const DOMAIN_EVENT = /^IOMMU: device=(\S+)$/;
const FAULT_EVENT = /^IOMMU:\S* ?(\S+) iova=0x([0-9a-f]{1,16}) flags=0x([0-9a-f]{1,8})$/;
/** Kernel: include/linux/iommu.h: IOMMU_FAULT_WRITE, v6.1. */
const FAULT_WRITE = 1;

/** Kernel: include/trace/events/iommu.h, v6.1. */
function tracepoint({ name, text, timeUs, line }: FtraceLine): TracedFact | null {
  const fact = (kind: ObservationKind, dev: string, rest: Partial<TracedFact> = {}) => ({
    ...{ kind, row: `${TRACED_ROW}${name}`, dev, drv: null, group: null, error: null },
    ...{ fields: emptyTable<string>(), timeUs, line, text: `${name}: ${text}`, ...rest },
  });
  switch (name) {
    case 'add_device_to_group':
    case 'remove_device_from_group': {
      const [, group, dev = ''] = GROUP_EVENT.exec(text) ?? [];
      const kind = name.startsWith('add') ? 'iommu.group.added' : 'iommu.group.removed';
      return group === undefined ? null : fact(kind, dev, { group: Number(group) });
    }
    case 'attach_device_to_domain':
    case 'detach_device_from_domain': {
      const dev = DOMAIN_EVENT.exec(text)?.[1];
      const kind = name.startsWith('attach') ? 'iommu.attached' : 'iommu.detached';
      return dev === undefined ? null : fact(kind, dev);
    }
    case 'io_page_fault': {
      const [, dev, iova = '', flags = ''] = FAULT_EVENT.exec(text.trim()) ?? [];
      if (dev === undefined) return null;
      const fields = emptyTable<string>();
      fields['iova'] = `0x${iova}`;
      if ((Number.parseInt(flags, 16) & FAULT_WRITE) !== 0) fields['access'] = 'DMA Write';
      return fact('iommu.fault', dev, { fields });
    }
    default:
      return null;
  }
}

/** iommu_group_add_device: from then on the device is in the group. */
function groupJoin({ probe, isReturn, args, timeUs, line }: KprobeEvent, text: string) {
  const { dev, group } = args;
  const isJoin = probe === 'group_add_device' && !isReturn && /^\d{1,9}$/.test(group ?? '');
  if (!isJoin || dev === undefined) return null;
  return {
    ...{ kind: 'iommu.group.added' as const, row: `${TRACED_ROW}${probe}`, dev, drv: null },
    ...{ group: Number(group), error: null, fields: emptyTable<string>() },
    ...{ timeUs, line, text: `${probe}: ${text}` },
  };
}

/** What call_driver_probe tells of in a debug line only. */
const REJECTIONS = new Set<number>([ENXIO, ENODEV]);

/**
 * That a driver's probe was called, and how it ended. A positive result is the driver's own error; a
 * negative one came before its probe, and no line of the log speaks of it.
 */
function probeFacts(call: KprobeCall): readonly TracedFact[] {
  const { dev, drv } = call.args;
  if (call.probe !== 'really_probe' || dev === undefined || drv === undefined) return [];
  const fact = (kind: ObservationKind, timeUs: number, error: number | null): TracedFact => ({
    ...{ kind, row: `${TRACED_ROW}really_probe`, dev, drv, group: null, error, timeUs },
    ...{ fields: tableOf([['task', call.task]]), line: call.line },
    text: `really_probe: dev="${dev}" drv="${drv}"${call.ret === null ? '' : ` ret=${call.ret}`}`,
  });
  const started = fact('probe.started', call.timeUs, null);
  const { ret } = call;
  if (ret === null || ret < 0) return [started];
  const at = call.returnTimeUs ?? call.timeUs;
  return [started, fact(kindOfResult(ret), at, ret === 0 ? null : -ret)];
}

function kindOfResult(ret: number): ObservationKind {
  if (ret === 0) return 'probe.bound';
  if (ret === EPROBE_DEFER) return 'probe.deferred';
  return REJECTIONS.has(ret) ? 'probe.rejected' : 'probe.failed';
}
