// Goal: what is said of a transaction agrees with what was mapped before it, and no mapping outlives
// those who use its domain. Method: random steps on random machines; the events alone are folded a
// second time, by other code than the reducers, and compared with the answers.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import type { EventOf, KernelEvent } from '../../../src/events/event.ts';
import type { Kernel } from '../../../src/model/context.ts';
import { aCaseOf, type Case, scenarios } from '../any-steps.ts';

// Those that have to do with memory, where more than one in a hundred transactions finds a mapping.
const withMemory = scenarios.filter((file) =>
  /maps_dma|vfio_iommu_type1|- dma:/.test(readFileSync(`scenarios/${file}`, 'utf8')),
);
const aCase = aCaseOf(withMemory);
const EVENTS_MAX = 50_000;

function runCase({ system, steps, dice }: Case) {
  let thrown = 0;
  return runAll(system, steps, {
    eventsMax: EVENTS_MAX,
    choose: (runnable) => (dice[thrown++] ?? 0) % runnable.length,
  });
}

type Mapped = EventOf<'iommu.mapped'> & { unseen: boolean };
type Issued = EventOf<'dma.issued'>;

/** What a log of events says of groups, their domains and what those map. */
function createLedger() {
  let mapped: Mapped[] = [];
  const groups = new Map<string, number>();
  const domains = new Map<number, string | null>();
  const defaults = new Map<number, string | null>();
  const arm = new Map<string, number>();
  const drop = (domain: string) => {
    mapped = mapped.filter((one) => one.domain !== domain);
  };
  /** The kernel's domain that the device is on; null for one of a user's, whose name nothing here tells. */
  const domainOf = (dev: string): string | null => {
    const group = groups.get(dev) ?? -1;
    if (domains.get(group)?.startsWith('DMA') === true) return `group ${group}`;
    // Its tables are empty, whatever the device has besides.
    if (domains.get(group) === 'blocked') return `blocked group ${group}`;
    return arm.has(dev) ? `mapping ${arm.get(dev)}` : null;
  };
  const isAt = (one: Mapped, addr: number) => addr >= one.start && addr - one.start < one.length;
  return {
    note(event: KernelEvent): void {
      switch (event.type) {
        case 'iommu.mapped':
          mapped.push({ ...event, unseen: false });
          break;
        case 'iommu.map_unseen':
          for (const one of mapped)
            if (one.domain === event.domain && one.start === event.start) one.unseen = true;
          break;
        case 'iommu.unmapped': {
          const { domain, start } = event;
          mapped = mapped.filter((one) => one.domain !== domain || one.start !== start);
          break;
        }
        case 'mapping.attached':
          arm.set(event.dev, event.mapping);
          break;
        case 'mapping.detached':
          arm.delete(event.dev);
          break;
        case 'group.joined':
          groups.set(event.dev, event.group);
          break;
        case 'group.left':
          groups.delete(event.dev);
          break;
        case 'group.attached':
          domains.set(event.group, event.domain);
          break;
        case 'group.freed':
          domains.delete(event.group);
          defaults.delete(event.group);
          drop(`group ${event.group}`);
          break;
        case 'group.default_domain': {
          const { group, domain } = event;
          if (defaults.get(group) !== 'DMA' || domain !== 'DMA-FQ') drop(`group ${group}`);
          defaults.set(group, domain);
          break;
        }
      }
    },
    /** Mappings of the address that a transaction of the device may go through. */
    at({ dev, addr }: Issued): readonly Mapped[] {
      const domain = domainOf(dev);
      const others = /^(group|mapping) /;
      const isItsOwn = (name: string) => (domain === null ? !others.test(name) : name === domain);
      // A device without a group may speak under the id of one that has one.
      return mapped.filter((one) => (!groups.has(dev) || isItsOwn(one.domain)) && isAt(one, addr));
    },
    /** What users mapped and nobody unmapped: containers have no end of their own here. */
    leftOfUsers: () => mapped.filter((one) => one.domain.startsWith('container ')),
    /** Is it known which domain it goes through? */
    isSure: (dev: string): boolean => groups.has(dev) && domainOf(dev) !== null,
  };
}

/** What is wrong with the answers to the transactions of a run. */
function wrongAnswers(events: readonly KernelEvent[]): readonly string[] {
  const ledger = createLedger();
  return events.flatMap((event) => {
    ledger.note(event);
    if (event.type !== 'dma.issued') return [];
    const wrong = wrongAnswer(event, ledger);
    return wrong === null ? [] : [`${event.dev} at 0x${event.addr.toString(16)}: ${wrong}`];
  });
}

function wrongAnswer(event: Issued, ledger: ReturnType<typeof createLedger>): string | null {
  const { dev, result, why, write, cache } = event;
  const found = ledger.at(event);
  const seen = found.filter((one) => !one.unseen);
  const allowed = seen.filter((one) => (write ? one.write : one.read));
  // Through the boot loader's tables: nobody but the machine says what those map.
  if (result === 'translated' && cache !== null) {
    if (allowed.length === 0) return 'translated, and nothing maps it';
    if (!allowed.some((one) => one.cache === cache)) return 'another IOMMU_CACHE than was mapped';
  }
  if (why === 'permission' && (seen.length === 0 || allowed.length > 0))
    return 'refused for a permission that was given';
  if (why === 'translation' && ledger.isSure(dev) && allowed.length > 0)
    return 'not translated, and mapped';
  return null;
}

/** Whether anybody uses the domain of that name. */
function isUsed({ state }: Kernel, domain: string): boolean {
  const [, word = '', number = ''] =
    /^(group|driver of group|mapping|iommufd) (.*)$/.exec(domain) ?? [];
  const group = state.groups[number];
  switch (word) {
    case 'group':
      return group?.default_domain?.startsWith('DMA') === true;
    case 'driver of group':
      return group !== undefined;
    case 'mapping':
      return (state.mappings[number]?.kref ?? 0) > 0;
    case 'iommufd':
      return Object.values(state.vfio.iommufds).includes(number);
    default:
      return state.vfio.containers[domain]?.iommu === true;
  }
}

/** Mappings that are left of domains without a user, and buffers of devices without a driver. */
function leaks(k: Kernel): readonly string[] {
  return k.state.io_mappings.flatMap(({ domain, start, dev }) => {
    const what = `0x${start.toString(16)} of ${domain}`;
    if (!isUsed(k, domain)) return [`${what}, which nobody uses`];
    if (dev !== null && k.state.devices[dev]?.bound !== true) return [`${what} for unbound ${dev}`];
    return [];
  });
}

describe('any transaction', () => {
  it('is translated by what was mapped, and refused for want of it', () => {
    const seen = { translated: 0, faulted: 0, bypassed: 0 };
    fc.assert(
      fc.property(aCase, (one) => {
        const events = runCase(one)
          .trace()
          .events.map(({ event }) => event);
        for (const event of events) if (event.type === 'dma.issued') seen[event.result] += 1;
        expect(wrongAnswers(events)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
    // The search has met all of them, and not by luck alone.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
  }, 60_000);
});

describe('any mapping', () => {
  it('goes with the last user of its domain, and a buffer with the driver of its device', () => {
    let mappings = 0;
    fc.assert(
      fc.property(aCase, (one) => {
        const run = runCase(one);
        mappings += run.trace().events.filter(({ event }) => event.type === 'iommu.mapped').length;
        if (run.state.oops !== null) return;
        expect(leaks(run.kernel)).toEqual([]);
        const ledger = createLedger();
        for (const { event } of run.trace().events) ledger.note(event);
        expect(ledger.leftOfUsers()).toEqual([]);
      }),
      { numRuns: 1000 },
    );
    expect(mappings).toBeGreaterThan(50);
  }, 60_000);
});
