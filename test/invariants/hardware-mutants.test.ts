// Goal: what the invariants of hardware and of firmware's running DMA watch, they see. Method: for each
// event that one of them watches and that can break it, a run in which it does, and a near miss: a run with
// the same event, in which it does not.
import { describe, expect, it } from 'vitest';
import type { EventType, KernelEvent } from '../../src/events/event.ts';
import type { Stimulus } from '../../src/events/stimulus.ts';
import type { Trace } from '../../src/events/trace.ts';
import { INVARIANTS } from '../../src/invariants/all.ts';
import { checkTrace } from '../../src/invariants/checker.ts';
import { type Changes, runScenario } from '../model/scenario-run.ts';
import { BOOT, NIC, runSmall, SMMU } from '../model/small-machine.ts';

interface Mutant {
  readonly code: string;
  readonly at: EventType;
  readonly what: string;
  readonly subject: string;
  readonly broken: () => Trace;
  readonly sane: () => Trace;
}

const run = (name: string, changes?: Changes) => (): Trace => runScenario(name, changes).trace();

/** The run with events of hardware put in behind the first that is such. */
function withEvents(
  trace: Trace,
  isSuch: (event: KernelEvent) => boolean,
  events: readonly KernelEvent[],
): Trace {
  const after = trace.events.findIndex(({ event }) => isSuch(event)) + 1;
  expect(after).toBeGreaterThan(0);
  const at = { task: 'swapper/0', stack: [], origin: 'assumed', line: null, timeUs: null } as const;
  const more = events.map((event) => ({ event, ...at }));
  return { ...trace, events: trace.events.toSpliced(after, 0, ...more) };
}

const MDSS = 'ae00000.mdss';
const ENTRY = { iommu: '15000000.iommu', id: 0x880, mask: 0, context: null, count: 0 } as const;
const wroteEntry = ({ type }: KernelEvent): boolean => type === 'smmu.entry_written';
const handedOver = ({ type }: KernelEvent): boolean => type === 'dma.handed_over';
/** The display's stream was kept, and before its driver has it something happens to the entry. */
const kept = (events: readonly KernelEvent[], isSuch = wroteEntry): Trace =>
  withEvents(run('qcom-readback-keeps-the-splash-screen')(), isSuch, events);
const TABLES = { start: 0x9dc00000, length: 0x4000 } as const;
/** The kernel takes a page while the boot loader's page tables, which lie there, are walked. */
const takes = (start: number) => (): Trace =>
  withEvents(
    run('page-tables-of-the-boot-loader-are-reserved')(),
    ({ type }) => type === 'dma.issued',
    [{ type: 'memory.allocated', start, length: 0x1000 }],
  );
const DISPLAY = 'fd000000.display';
const CARD = '0000:00:02.0';

const MUTANTS: readonly Mutant[] = [
  {
    code: 'INV-COH',
    at: 'driver.probed',
    what: 'a refusal of a function that snoops, and of none that does not',
    subject: '0000:00:00.0',
    broken: run('vfio-refuses-a-coherent-nic'),
    sane: run('vfio-refuses-a-card-that-does-not-snoop'),
  },
  {
    code: 'INV-COH',
    at: 'vfio.dma_mapped',
    what: 'memory mapped for a card that does not snoop, and for one that does',
    subject: CARD,
    broken: run('memory-mapped-for-a-card-that-does-not-snoop'),
    sane: run('a-transaction-finds-its-mapping'),
  },
  {
    code: 'INV-STALE',
    at: 'dma.issued',
    what: 'a write past caches that nobody flushes, and past such as the kernel does',
    subject: CARD,
    broken: run('firmware-calls-a-card-coherent-that-is-not'),
    sane: run('the-kernel-flushes-for-a-card-that-does-not-snoop'),
  },
  {
    code: 'INV-STALE',
    at: 'dma.issued',
    what: 'a write of a user that cannot look, and of one that does not ask to',
    subject: CARD,
    broken: run('memory-mapped-for-a-card-that-does-not-snoop'),
    sane: run('a-transaction-finds-its-mapping', {
      more: [{ do: 'dma', dev: CARD, addr: 0x100000, write: true, cacheable: false }],
    }),
  },
  {
    code: 'INV-FWHW',
    at: 'driver.probed',
    what: 'a register that calls a plain SMMU coherent, and one that does not',
    subject: SMMU,
    broken: () => runSmall([BOOT], { coherentSmmu: false, idCoherent: true }).trace(),
    sane: () => runSmall([BOOT], { coherentSmmu: false, idCoherent: false }).trace(),
  },
  {
    code: 'INV-FWHW',
    at: 'iommu.map_unseen',
    what: 'a mapping left in the caches, of an SMMU that does not look there',
    subject: '5000000.iommu',
    broken: run('an-smmu-does-not-see-what-is-mapped'),
    sane: run('an-smmu-sees-what-is-mapped'),
  },
  {
    code: 'INV-OPS',
    at: 'dma_ops.torn_down',
    what: 'a teardown that takes the mapping alone, and one that takes the operations too',
    subject: DISPLAY,
    broken: run('deferral-leaves-stale-dma_ops'),
    sane: run('deferral-leaves-stale-dma_ops', { patches: { arm_teardown_reset_ops_v8: true } }),
  },
  {
    code: 'INV-OPS',
    at: 'dma.configured',
    what: 'plain operations that stay as the IOMMU comes, and such as were cleared',
    subject: DISPLAY,
    broken: run('plain-dma_ops-outlive-the-wait-for-the-iommu'),
    sane: run('cleared-dma_ops-let-the-iommu-in'),
  },
  {
    code: 'INV-MAP',
    at: 'dma_ops.torn_down',
    what: 'a teardown of the common mapping, and of a private one',
    subject: 'fe960000.vsp',
    broken: run('deferral-takes-the-ipmmu-mapping'),
    sane: run('deferral-clears-dma_ops'),
  },
  {
    code: 'INV-MAP',
    at: 'dma.configured',
    what: 'two mappings for one context, and for two',
    subject: 'fd100000.camera',
    broken: run('one-context-two-private-mappings'),
    sane: run('one-context-two-private-mappings', {
      device: (spec) => (spec.contexts === 1 ? { ...spec, contexts: 2 } : spec),
    }),
  },
  {
    code: 'INV-ORDER',
    at: 'driver.bound',
    what: 'a client without a group, and one with its IOMMU and its group',
    subject: '7ff50000.hdlcd',
    broken: run('the-deprecated-binding-needs-an-option'),
    sane: run('the-deprecated-binding-with-its-option'),
  },
  {
    code: 'INV-ORDER',
    at: 'driver.bound',
    what: 'a client in a group of an IOMMU that is not bound yet, and of one that is',
    subject: NIC,
    broken: run('client-overtakes-the-bus-scan'),
    sane: run('client-waits-for-the-bus-scan'),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'smmu.reset',
    what: 'a reset that forgets a stream, and one that keeps it',
    subject: MDSS,
    broken: run('smmu-reset-cuts-the-splash-screen'),
    sane: run('qcom-readback-keeps-the-splash-screen'),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'smmu.disabled',
    what: 'an SMMU switched off that then aborts all, and one that lets all pass',
    subject: 'ARMH0011:00',
    broken: run('smmu-v3-off-cuts-a-reserved-stream'),
    sane: run('smmu-v3-off-cuts-a-reserved-stream', {
      device: (spec) =>
        spec.boot_mapping === undefined ? spec : { ...spec, boot_mapping: 'none' },
    }),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'smmu.entry_written',
    what: 'an entry that faults while the display runs, and after its driver has it',
    subject: MDSS,
    broken: () => kept([{ type: 'smmu.entry_written', ...ENTRY, index: 0, does: 'fault' }]),
    sane: () =>
      kept([{ type: 'smmu.entry_written', ...ENTRY, index: 0, does: 'fault' }], handedOver),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'smmu.entry_freed',
    what: 'an entry that goes while the display runs, and another that does',
    subject: MDSS,
    broken: () => kept([{ type: 'smmu.entry_freed', iommu: ENTRY.iommu, index: 0 }]),
    sane: () => kept([{ type: 'smmu.entry_freed', iommu: ENTRY.iommu, index: 1 }]),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'x86_unit.written',
    what: 'translation switched on for a domain without the range, and for one with it',
    subject: '0000:00:14.0',
    broken: run('running-dma-without-an-rmrr-faults'),
    sane: run('running-dma-outlives-vt-d-by-its-rmrr'),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'viommu.reset',
    what: 'a reset of a device that blocks, and of one that lets pass',
    subject: CARD,
    broken: run('viommu-endpoints-are-blocked-after-rmmod'),
    sane: run('viommu-endpoints-bypass-after-rmmod'),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'viommu.endpoint_written',
    what: 'an endpoint attached to an empty domain, and to one that lets all pass',
    subject: CARD,
    broken: run('viommu-endpoints-bypass-after-rmmod', { cmdline: 'of_devlink' }),
    sane: run('viommu-endpoints-bypass-after-rmmod'),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'group.attached',
    what: 'a domain of a user for a device with an RMRR, and one of the kernel',
    subject: CARD,
    broken: run('vfio-cuts-off-a-device-with-an-rmrr'),
    sane: run('vfio-is-refused-a-device-with-an-rmrr'),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'dma.issued',
    what: 'a read beyond the range that was mapped, and within it',
    subject: '7000000.display',
    broken: run('a-direct-region-is-too-short'),
    sane: run('a-direct-region-has-all-that-is-read'),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'memory.allocated',
    what: 'the last page of page tables, and the one behind it',
    subject: MDSS,
    broken: takes(TABLES.start + TABLES.length - 0x1000),
    sane: takes(TABLES.start + TABLES.length),
  },
  {
    code: 'INV-BOOTDMA',
    at: 'memory.allocated',
    what: 'the first page of page tables, and the one before it, which is of no picture',
    subject: MDSS,
    broken: takes(TABLES.start),
    sane: takes(0x9d400000 - 0x1000),
  },
];

/** They end what another event began: after them nothing is wrong that was not before. */
const HEALS: readonly EventType[] = ['group.direct_mapped', 'dma.handed_over', 'iommu.unmapped'];

function violations({ header, events }: Trace, code: string) {
  const invariant = INVARIANTS.find((one) => one.code === code);
  return checkTrace(header, events, invariant === undefined ? [] : [invariant]);
}

describe('what an invariant of hardware watches', () => {
  it.each(MUTANTS)('$code, $at: $what', ({ code, at, subject, broken, sane }) => {
    const trace = broken();
    const [first] = violations(trace, code);
    expect(first?.subject).toBe(subject);
    expect(trace.events[first?.event ?? -1]?.event.type).toBe(at);
    const missed = sane();
    if (at !== 'iommu.map_unseen')
      expect(missed.events.some(({ event }) => event.type === at)).toBe(true);
    expect(violations(missed, code)).toEqual([]);
  });

  it('is shown, each event of it', () => {
    const codes = new Set(MUTANTS.map(({ code }) => code));
    const shown = new Set(MUTANTS.map(({ code, at }) => `${code} ${at}`));
    const missing = INVARIANTS.filter(({ code }) => codes.has(code)).flatMap(({ code, watches }) =>
      watches.filter((type) => !HEALS.includes(type) && !shown.has(`${code} ${type}`)),
    );
    expect(codes.size).toBe(7);
    expect(missing).toEqual([]);
  });
});

describe('a range that firmware wants mapped', () => {
  const withRange = (changes: Changes) =>
    run('pasid-identity-domain-locks-out-the-sound', {
      ...changes,
      device: (spec) =>
        spec.name === '0000:00:01.0'
          ? { ...spec, reserved: [{ type: 'direct', via: 'ivmd' }] }
          : spec,
    })();

  it('is there in each domain that lets all pass', () => {
    const trace = withRange({});
    const isPasid = (event: KernelEvent) =>
      event.type === 'group.attached' && event.domain === 'identity-pasid';
    expect(trace.events.some(({ event }) => isPasid(event))).toBe(true);
    expect(violations(trace, 'INV-BOOTDMA')).toEqual([]);
  });
});

describe('memory of a user', () => {
  it('is mapped for a card that does not snoop as often as that is done', () => {
    const call = (which: 'MAP_DMA' | 'UNMAP_DMA'): Stimulus => ({
      do: 'vfio_ioctl',
      hold: 'guest',
      call: which,
      dev: null,
      iova: 0,
      size: 0x200000,
    });
    const NAME = 'memory-mapped-for-a-card-that-does-not-snoop';
    const broken = (...more: readonly Stimulus[]) =>
      violations(run(NAME, { more })(), 'INV-COH').length;
    expect(broken()).toBe(1);
    expect(broken(call('UNMAP_DMA'))).toBe(1);
    expect(broken(call('UNMAP_DMA'), call('MAP_DMA'))).toBe(2);
  });
});

describe('running DMA', () => {
  const CUT: KernelEvent = { type: 'smmu.entry_freed', iommu: ENTRY.iommu, index: 0 };
  const AGAIN: KernelEvent = { type: 'smmu.entry_written', ...ENTRY, index: 0, does: 'bypass' };

  it('is cut off as often as its entry goes', () => {
    expect(violations(kept([CUT, AGAIN, CUT]), 'INV-BOOTDMA')).toHaveLength(2);
  });

  it('is left to the driver when a driver has taken over', () => {
    expect(violations(kept([CUT], handedOver), 'INV-BOOTDMA')).toEqual([]);
  });
});
