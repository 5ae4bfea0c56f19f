/**
 * Is the emulator right? A recorded session of a real kernel is emulated from its inputs, and all
 * that was observed is compared with the emulated run.
 */
import type { DeviceSpec, DriverSpec } from '../events/machine.ts';
import { MODELLED_BUSES } from '../import/end-state.ts';
import { tellsHardware } from '../import/message-key.ts';
import type { Observation } from '../import/observation.ts';
import { type ScheduleGuide, searchSchedule } from '../import/schedule.ts';
import { compareActions } from './compare-actions.ts';
import { compareCalls } from './compare-calls.ts';
import { compareLinks } from './compare-links.ts';
import { compareMessages } from './compare-messages.ts';
import { compareSnapshots } from './compare-state.ts';
import { type Emulation, emulate } from './emulate.ts';
import { type Derived, deriveMachine } from './machine.ts';
import { keyOfPause, marksOf } from './marks.ts';
import type { Session } from './session.ts';
import { createTally, type Mismatch, type Tally } from './tally.ts';

/** How often a found schedule had a choice between tasks, and how often it left the default one. */
export interface FoundSchedule {
  readonly choices: number;
  readonly notDefault: number;
}

/** How often a schedule is looked for, each time with what the round before showed. */
const ROUNDS = 4;

export interface Verdict {
  readonly session: string;
  readonly checks: Tally['checks'];
  readonly mismatches: readonly Mismatch[];
  /** The schedule that was found and agrees better than the default one; null where that one stands. */
  readonly schedule: FoundSchedule | null;
  /** The emulated run, to look closer. */
  readonly emulation: Emulation;
}

/**
 * Emulates the session and compares. What the inputs are is said at deriveMachine; nothing that is
 * compared is read before the run is over, but by the search for a schedule: where the default one
 * does not give what was recorded, the one found that agrees best is taken.
 *
 * @throws ReprobeError BAD_MACHINE for firmware tables that cannot be read.
 */
export function verifySession(session: Session, twin: Session | null): Verdict {
  const derived = deriveMachine(session, twin);
  let best = compareSession(session, derived);
  for (const withCalls of [true, false]) {
    if (differences(best) === 0) break;
    best = searchSchedule(best, {
      marks: marksOf(session, withCalls),
      keyOfPause,
      rounds: ROUNDS,
      attempt: (guide) => compareSession(session, derived, guide),
      cost: differences,
      choices: ({ emulation }) => emulation.run.scheduler.choices.length,
    });
  }
  return best;
}

/** Emulates the session under the guide's schedule, or the default one, and compares. */
export function compareSession(
  session: Session,
  derived: Derived,
  guide: ScheduleGuide | null = null,
): Verdict {
  const emulation = emulate(derived, session, guide);
  const tally = createTally();
  const names = modelledNames(session, emulation, derived.machine.devices);
  compareSnapshots(tally, session, emulation);
  compareLinks(tally, session, emulation);
  compareActions(tally, session, emulation);
  compareCalls(tally, session.calls, emulation.calls, derived.kernel.cmdline, (dev) =>
    names.has(dev),
  );
  if (session.dmesg !== null)
    compareMessages(
      tally,
      session.dmesg,
      emulation,
      (seen) =>
        isModelled(seen, names) &&
        hasDriver(seen, derived.machine.drivers) &&
        hasRegisters(seen, derived.machine.devices),
    );
  const { checks, mismatches } = tally;
  const { choices } = emulation.run.scheduler;
  const schedule =
    guide === null
      ? null
      : { choices: choices.length, notDefault: choices.filter((choice) => choice !== 0).length };
  return { session: session.name, checks, mismatches, schedule, emulation };
}

/** On how many comparisons recording and emulated run do not agree. */
function differences({ checks }: Verdict): number {
  return Object.values(checks).reduce((sum, { ok, of }) => sum + of - ok, 0);
}

/**
 * Devices on the buses that the model has, in any snapshot or in the emulated run, and IOMMUs that are on
 * no bus.
 */
function modelledNames(
  session: Session,
  emulation: Emulation,
  devices: readonly DeviceSpec[],
): ReadonlySet<string> {
  const units = devices.filter(({ bus, iommu_kind }) => bus === '' && iommu_kind !== undefined);
  const names = new Set(units.map(({ name }) => name));
  for (const snapshot of Object.values(session.snapshots))
    for (const { name, bus } of snapshot.devices)
      if (bus !== null && MODELLED_BUSES.has(bus)) names.add(name);
  for (const { event } of emulation.run.scheduler.events)
    if (event.type === 'device.added') names.add(event.dev);
  return names;
}

/** A driver that came and went while the kernel booted is on no list of drivers. */
function hasDriver({ kind, drv, fields }: Observation, drivers: readonly DriverSpec[]): boolean {
  if (kind !== 'driver.registered' && kind !== 'driver.unregistered') return true;
  return drivers.some(({ bus, name }) => bus === fields['bus'] && name === drv);
}

/** What an IOMMU says of its hardware follows from its registers, where they are known. */
function hasRegisters({ kind, row, dev }: Observation, devices: readonly DeviceSpec[]): boolean {
  if (!tellsHardware(kind)) return true;
  if (row.startsWith('dmar-')) return devices.some(({ vtd }) => vtd !== undefined);
  if (row.startsWith('amd-')) return devices.some(({ amd_vi }) => amd_vi !== undefined);
  if (row.startsWith('viommu-')) return devices.some(({ viommu }) => viommu !== undefined);
  return devices.some(({ name, registers }) => name === dev && registers !== undefined);
}

/** A PCI bus by its number, with or without its domain. */
const PCI_BUS = /^(?:[0-9a-f]{4}:)?[0-9a-f]{2}$/;

/** Is the line about a device, or a bus, that the model has? */
function isModelled({ dev, fields }: Observation, names: ReadonlySet<string>): boolean {
  const { bus } = fields;
  const isForeign = bus !== undefined && !MODELLED_BUSES.has(bus) && !PCI_BUS.test(bus);
  return !isForeign && (dev === null || names.has(dev));
}
