// Goal: each bug of coherency, page tables, DMA operations and firmware's running DMA is told by a
// scenario whose first bad event is the one that the bug is known to begin with, and each of its known
// fixes makes that scenario, or its twin, hold. Method: a table, and real runs.
import { describe, expect, it } from 'vitest';
import type { Recorded } from '../../src/events/event.ts';
import type { Trace } from '../../src/events/trace.ts';
import { INVARIANTS } from '../../src/invariants/all.ts';
import { checkTrace } from '../../src/invariants/checker.ts';
import type { Violation } from '../../src/invariants/invariant.ts';
import { type Changes, runScenario } from '../model/scenario-run.ts';
import { BUGS, type Bug, type Fix } from './hardware-bugs.ts';

const codeOf = ({ invariant }: Violation): string | undefined =>
  INVARIANTS.find(({ id }) => id === invariant)?.code;

/** What a run breaks, in the order of events: with its code and the event that did it. */
function broken({ header, events }: Trace) {
  return checkTrace(header, events).map((violation) => ({
    code: codeOf(violation),
    subject: violation.subject,
    at: events[violation.event],
  }));
}

const run = (scenario: string, changes?: Changes): Trace => runScenario(scenario, changes).trace();

/** The functions of the kernel that the event came from, with the text that its line has. */
const whereOf = (at: Recorded | undefined) => ({ type: at?.event.type, stack: at?.stack ?? [] });

/** What makes the bug, and after that what mends it. */
function both(bug: Changes = {}, fix: Changes = {}): Changes {
  const { device = (spec) => spec, driver = (spec) => spec } = bug;
  return {
    ...bug,
    ...fix,
    patches: { ...bug.patches, ...fix.patches },
    device: (spec) => (fix.device ?? ((one) => one))(device(spec)),
    driver: (spec) => (fix.driver ?? ((one) => one))(driver(spec)),
  };
}

const rows = BUGS.map((bug) => [`${bug.id}: ${bug.what}`, bug] as const);
const fixes = BUGS.flatMap((bug) =>
  bug.fixes.map((fix): [string, Bug, Fix] => [`${bug.id}: ${fix.by}`, bug, fix]),
);

describe('the first bad event of', () => {
  it.each(rows)('%s', (_name, { scenario, changes, first, before = [] }) => {
    const found = broken(run(scenario, changes));
    const codes = found.map(({ code }) => code);
    const own = found.findIndex(({ code }) => code === first.code);
    expect([...new Set(codes.slice(0, Math.max(own, 0)))]).toEqual(before);
    expect(found[own]).toMatchObject({ code: first.code, subject: first.subject });
    const { type, stack } = whereOf(found[own]?.at);
    expect(type).toBe(first.type);
    if (first.in !== undefined) expect(stack).toContain(first.in);
  });
});

describe('it all holds by the fix of', () => {
  it.each(fixes)('%s', (_name, bug, fix) => {
    const changes = fix.scenario === undefined ? both(bug.changes, fix.changes) : fix.changes;
    const trace = run(fix.scenario ?? bug.scenario, changes);
    const left = broken(trace).map(({ code, at }) => `${code} at ${at?.event.type}`);
    expect(left).toEqual(fix.leaves ?? []);
  });
});

describe('the LS1028A', () => {
  const REFUSED = 'vfio-pci: probe of 0000:00:00.0 failed with error -22';
  const OVERRIDDEN = '\t(IDR0.CTTW overridden by FW configuration)';
  const dtsi: Changes = {
    device: (spec) => (spec.iommu_kind === 'arm-smmu' ? { ...spec, dma_coherent: true } : spec),
  };
  const board = (changes: Changes) => tell('vfio-refuses-a-coherent-nic', changes);
  const card = (changes: Changes) => tell('fallback-misses-a-card-without-a-node', changes);

  /** What the SMMU says that it can, whose the function is in the end, and lines that matter. */
  function tell(scenario: string, changes: Changes) {
    const ran = runScenario(scenario, changes);
    const { state } = ran;
    const lines = ran
      .trace()
      .events.flatMap(({ event }) => (event.type === 'printk' ? event.text : []));
    return {
      features: state.smmus['5000000.iommu']?.features?.features,
      driver: state.devices['0000:00:00.0']?.driver,
      refused: lines.some((line) => line.endsWith(REFUSED)),
      overridden: lines.some((line) => line.endsWith(OVERRIDDEN)),
    };
  }

  const TAKEN = { driver: 'vfio-pci', refused: false };
  const SILENT = { features: 0xe9e, overridden: false };
  const TOLD = { features: 0xe9f, overridden: true };

  it('has a function that vfio-pci may not have in 6.1, and could in 5.15 and 5.19', () => {
    expect(board({})).toEqual({ ...SILENT, driver: null, refused: true });
    for (const version of ['5.15', '5.19'])
      expect(board({ version })).toEqual({ ...SILENT, ...TAKEN });
  });

  it('gives it away by the dtsi, and by the driver of the SMMU', () => {
    expect(board(dtsi)).toEqual({ ...TOLD, ...TAKEN });
    expect(board({ version: '6.1.7' })).toEqual({ ...SILENT, ...TAKEN });
  });

  it('keeps a card without a node by the one, and gives it away by the other', () => {
    expect(card({})).toEqual({ ...SILENT, driver: null, refused: true });
    expect(card(dtsi)).toEqual({ ...TOLD, ...TAKEN });
  });

  it('has no such fallback below an SMMU v3, whose driver asks about itself alone', () => {
    const v3: Changes = {
      version: '6.1.7',
      device: (spec) => {
        if (spec.iommu_kind !== 'arm-smmu') return spec;
        const { registers: _, stream_match_mask: __, ...others } = spec;
        return { ...others, ids: ['arm,smmu-v3'], iommu_kind: 'arm-smmu-v3' };
      },
      driver: (spec) =>
        spec.name === 'arm-smmu' ? { ...spec, name: 'arm-smmu-v3', ids: ['arm,smmu-v3'] } : spec,
    };
    expect(board(v3)).toMatchObject({ driver: null, refused: true });
  });
});
