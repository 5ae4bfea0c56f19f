// Goal: whatever is done to any machine, in any order, under any kernel, the emulator goes on: it
// never throws, never runs for ever, and no task waits for another in a circle. Method: random steps
// with names from the scenarios' machines, random patches, random schedules.
import { readdirSync, readFileSync } from 'node:fs';
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runAll, type System } from '../../../src/engine/run.ts';
import type { DeviceSpec, Machine } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { tableOf } from '../../../src/events/table.ts';
import type { Kernel } from '../../../src/model/context.ts';
import { overlaps } from '../../../src/model/hardware/streams.ts';
import { maskedIds } from '../../../src/model/kernel/arm-smmu-sme.ts';
import { PATCH_NAMES, PROFILES } from '../../../src/model/versions/profile.ts';
import { driverKnowledge } from '../../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../../src/scenario/parse.ts';

const scenarios = readdirSync('scenarios').filter((file) => file.endsWith('.yaml'));
const withSmmuV2 = scenarios.filter((file) =>
  readFileSync(`scenarios/${file}`, 'utf8').includes('{ ID0: '),
);
const EVENTS_MAX = 50_000;

function withChildren(devices: readonly DeviceSpec[]): readonly DeviceSpec[] {
  return devices.flatMap((device) => [device, ...withChildren(device.creates ?? [])]);
}

/** Steps that name what the machine has, or now and then what it has not. */
function stepsOn(machine: Machine): Arbitrary<Stimulus> {
  const devices = withChildren(machine.devices);
  const of = (names: readonly string[]) => fc.constantFrom(...names, 'nobody');
  const aDevice = of(devices.map(({ name }) => name));
  const aModule = of(machine.modules.map(({ name }) => name));
  const aDriver = of(machine.drivers.map(({ name }) => name));
  const busOfDriver = (drv: string) => machine.drivers.find(({ name }) => name === drv)?.bus ?? '';
  const busOfDevice = (dev: string) => devices.find(({ name }) => name === dev)?.bus ?? '';
  const onDriver = (word: 'bind' | 'unbind') =>
    fc
      .tuple(aDriver, aDevice)
      .map(([drv, dev]): Stimulus => ({ do: word, bus: busOfDriver(drv), drv, dev }));
  const user = { dma: false, nodevice: false, nocontainer: false };
  return fc.oneof(
    aModule.map((module): Stimulus => ({ do: 'modprobe', module, params: '' })),
    fc
      .tuple(aModule, fc.boolean())
      .map(([module, force]): Stimulus => ({ do: 'rmmod', module, force })),
    onDriver('bind'),
    onDriver('unbind'),
    fc
      .tuple(aDevice, fc.option(aDriver))
      .map(([dev, drv]): Stimulus => ({ do: 'driver_override', bus: busOfDevice(dev), dev, drv })),
    aDevice.map((dev): Stimulus => ({ do: 'drivers_probe', bus: busOfDevice(dev), dev })),
    aDevice.map((dev): Stimulus => ({ do: 'remove', dev })),
    fc.constant<Stimulus>({ do: 'rescan', dev: null }),
    fc.constant<Stimulus>({ do: 'deferred_probe_timeout' }),
    fc
      .tuple(fc.nat(3), fc.constantFrom('identity', 'DMA', 'auto'))
      .map(([group, value]): Stimulus => ({ do: 'group_type', group, value })),
    fc
      .tuple(fc.nat(3), aDevice)
      .map(
        ([group, dev]): Stimulus => ({ do: 'vfio', group: `${group}`, dev, ...user, hold: null }),
      ),
  );
}

interface Case {
  readonly system: System;
  readonly steps: readonly Stimulus[];
  readonly dice: readonly number[];
}

const aCaseOf = (files: readonly string[]): Arbitrary<Case> =>
  fc.constantFrom(...files).chain((file) => {
    const text = readFileSync(`scenarios/${file}`, 'utf8');
    const { machine, kernel } = parseScenario(text, file, driverKnowledge);
    const patches = fc.array(fc.tuple(fc.constantFrom(...PATCH_NAMES), fc.boolean()), {
      maxLength: 8,
    });
    return fc.record({
      system: fc.tuple(fc.constantFrom(...PROFILES), patches).map(([version, switched]) => ({
        machine,
        kernel: { ...kernel, version, patches: tableOf(switched) },
      })),
      steps: fc
        .array(stepsOn(machine), { maxLength: 15 })
        .map((steps): Stimulus[] => [{ do: 'boot' }, ...steps]),
      dice: fc.array(fc.nat(9), { maxLength: 200 }),
    });
  });
const aCase = aCaseOf(scenarios);

function runCase({ system, steps, dice }: Case) {
  let thrown = 0;
  return runAll(system, steps, {
    eventsMax: EVENTS_MAX,
    choose: (runnable) => (dice[thrown++] ?? 0) % runnable.length,
  });
}

/** Entries that are not there as often as devices use them; firmware's own count as well. */
function miscounted(k: Kernel): readonly string[] {
  return Object.entries(k.state.smmus).flatMap(([iommu, { features, entries }]) => {
    if (features === null || k.state.devices[iommu]?.spec.iommu_kind !== 'arm-smmu') return [];
    const users = Object.values(k.state.devices).filter((device) => device.iommu === iommu);
    return Object.values(entries).flatMap((entry) => {
      const own = users.filter(({ name }) =>
        maskedIds(k, name, iommu).some(({ id }) => overlaps(entry, id, 0)),
      );
      return own.length === entry.count ? [] : [`${iommu} ${entry.id}: ${entry.count}`];
    });
  });
}

describe('any steps on any machine', () => {
  it('come to an end, and no task is left waiting but after a crash', () => {
    fc.assert(
      fc.property(aCase, (one) => {
        const run = runCase(one);
        if (run.state.oops !== null) return;
        for (const n of one.steps.keys())
          expect(run.scheduler.endOf(run.taskOf(n)).kind, `step ${n + 1}`).toBe('returned');
      }),
      { numRuns: 500 },
    );
  }, 60_000);

  it('leave an entry of an SMMU v2 to those who use it, and none to nobody', () => {
    fc.assert(
      fc.property(aCaseOf(withSmmuV2), (one) => {
        // As releases are: without the patch that tells the core of removals an entry does stay.
        const kernel = { ...one.system.kernel, patches: {} };
        const run = runCase({ ...one, system: { ...one.system, kernel } });
        if (run.state.oops === null) expect(miscounted(run.kernel)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it('run the same again with the choices that were made', () => {
    fc.assert(
      fc.property(aCase, (one) => {
        const { header, events } = runCase(one).trace();
        const again = runAll(one.system, header.stimuli, { choices: header.choices }).trace();
        expect(again.events).toEqual(events);
        expect(again.header.choices).toEqual(header.choices);
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});
