// Devices that waited for their IOMMU: what becomes of the log of a driver that came too late.
import { describe, expect, it } from 'vitest';
import { createRun } from '../../src/engine/run.ts';
import type { EventType } from '../../src/events/event.ts';
import type { Machine } from '../../src/events/machine.ts';
import { parseLog } from '../../src/import/format.ts';
import { gatherEvidence } from '../../src/import/gather-evidence.ts';
import { type Imported, importLog } from '../../src/import/import.ts';
import { stillWaiting } from '../../src/import/infer-waiting.ts';
import { inferWaits, UNNAMED_IOMMU } from '../../src/import/infer-waits.ts';
import { recognise } from '../../src/import/recognise.ts';
import { checkTrace } from '../../src/invariants/checker.ts';
import { NIC, smallSystem, SMMU as THE_SMMU } from '../model/small-machine.ts';

const BOOT = `
[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.000000] Machine model: linux,dummy-virt
[    0.000000] Kernel command line: quiet
[    0.754974] pci-host-generic 4010000000.pcie: host bridge /pcie@10000000 ranges:
[    0.772357] pci-host-generic 4010000000.pcie: PCI host bridge to bus 0000:00
[    0.774332] pci 0000:00:02.0: [1b36:000c] type 01 class 0x060400
[    0.828391] pci 0000:02:00.0: [1b36:0010] type 00 class 0x010802
[    0.883272] pci 0000:00:02.0: PCI bridge to [bus 02]`;
const INIT = `
[    1.281647] Run /init as init process`;
const GIVEN_UP = `
[   11.385395] pcieport 0000:00:02.0: deferred probe timeout, ignoring dependency
[   11.430932] nvme 0000:02:00.0: deferred probe timeout, ignoring dependency
[   11.432914] nvme nvme0: pci function 0000:02:00.0`;
const SMMU = `
[   14.992333] arm-smmu-v3 9050000.smmuv3: ias 44-bit, oas 44-bit (features 0x00008305)`;
const JOINED = `
[   15.385395] pcieport 0000:00:02.0: Adding to iommu group 0
[   15.430932] nvme 0000:02:00.0: Adding to iommu group 0`;

function imported(text: string, machine: Machine | null = null): Imported {
  const nothing = { version: null, config: {}, patches: {}, machine };
  return importLog(new TextEncoder().encode(text.trim()), { name: 'log', ...nothing });
}

/** The events of a type, each with its number and its place in the log. */
function eventsOf({ trace }: Imported, type: EventType) {
  return trace.events.flatMap(({ event, line, timeUs }, seq) => {
    const dev = 'dev' in event ? event.dev : null;
    return event.type === type ? [{ event, dev, seq, line, timeUs }] : [];
  });
}

const violated = ({ trace }: Imported) =>
  checkTrace(trace.header, trace.events).map(({ invariant, subject }) => [invariant, subject]);

const waitsOf = (text: string) =>
  inferWaits(
    gatherEvidence(
      parseLog(new TextEncoder().encode(text.trim())).records.flatMap((r) => recognise(r) ?? []),
    ),
  );

describe('a log whose devices gave their IOMMU up', () => {
  const late = imported(BOOT + INIT + GIVEN_UP + SMMU);

  it('is explained without a contradiction', () => {
    expect(late.divergences).toEqual([]);
  });

  it('shows the devices deferred before, and bound at the line that says so', () => {
    const [added] = eventsOf(late, 'deferred.added').filter(({ dev }) => dev === '0000:02:00.0');
    const [bound] = eventsOf(late, 'driver.bound').filter(({ dev }) => dev === '0000:02:00.0');
    const [expired] = eventsOf(late, 'deferred.timed_out');
    expect(added?.line).toBeLessThan(10);
    expect(expired?.timeUs).toBe(11_385_395);
    expect(bound?.event).toMatchObject({ drv: 'nvme' });
    expect(bound?.seq).toBeGreaterThan(expired?.seq ?? Number.POSITIVE_INFINITY);
  });

  it('breaks the order of IOMMU and client for each of them', () => {
    expect(violated(late)).toEqual([
      ['client-binds-after-its-iommu', '0000:00:02.0'],
      ['client-binds-after-its-iommu', '0000:02:00.0'],
    ]);
  });

  it('loads the driver of the IOMMU where its lines begin', () => {
    const [registered] = eventsOf(late, 'iommu.registered');
    expect(registered?.event).toMatchObject({ iommu: '9050000.smmuv3' });
    expect(registered?.timeUs).toBe(14_992_333);
  });

  it('stands behind an unnamed one where none ever appears', () => {
    const never = imported(BOOT + INIT + GIVEN_UP);
    expect(never.divergences).toEqual([]);
    expect(violated(never)).toHaveLength(2);
    expect(waitsOf(BOOT + INIT + GIVEN_UP).iommuOf('0000:02:00.0')).toBe(UNNAMED_IOMMU);
  });

  it('does not wait with deferred_probe_timeout=0', () => {
    const log = imported(
      (BOOT + GIVEN_UP + INIT + SMMU).replace('quiet', 'deferred_probe_timeout=0'),
    );
    expect(log.divergences).toEqual([]);
    expect(eventsOf(log, 'deferred.timed_out')).toEqual([]);
    expect(violated(log)).toHaveLength(2);
  });

  it('makes the host bridge wait with fw_devlink.strict=1', () => {
    const [head = '', host = ''] = BOOT.split(/(?=\n.{14} pci-host-generic)/s, 2);
    const rest = BOOT.slice(head.length).replaceAll('[    0.', '[   10.');
    expect(host).not.toBe('');
    const strict = head.replace('quiet', 'fw_devlink.strict=1');
    const log = imported(strict + INIT + rest + GIVEN_UP + SMMU);
    expect(log.divergences).toEqual([]);
    expect(eventsOf(log, 'deferred.added').map(({ dev }) => dev)).toContain('4010000000.pcie');
    expect(violated(log)).toHaveLength(2);
  });

  it('is of a kernel without modules where that is what the line says', () => {
    const said = 'ignoring dependency for device, assuming no driver';
    const log = imported(
      (BOOT + GIVEN_UP + INIT).replaceAll('deferred probe timeout, ignoring dependency', said),
    );
    expect(log.trace.header.kernel.config['MODULES']).toBe('n');
    expect(log.divergences).toEqual([]);
  });
});

describe('a log whose IOMMU came in time', () => {
  it('has its devices leave the deferred list into their groups', () => {
    const log = imported(BOOT + INIT + SMMU + JOINED);
    expect(log.divergences).toEqual([]);
    expect(violated(log)).toEqual([]);
    const added = eventsOf(log, 'deferred.added').map(({ dev }) => dev);
    expect(added).toContain('0000:02:00.0');
    const joined = eventsOf(log, 'group.joined').map(({ dev }) => dev);
    expect(joined).toEqual(['0000:00:02.0', '0000:02:00.0']);
  });

  it('does not take a driver for built in that the user loaded', () => {
    const load = '\n[   15.400000] reprobe-action: 1: modprobe nvme';
    const [port = '', nvme = ''] = JOINED.trim().split('\n');
    const log = imported(`${BOOT}${INIT}${SMMU}\n${port}${load}\n${nvme}`);
    expect(log.divergences).toEqual([]);
    expect(eventsOf(log, 'deferred.added').map(({ dev }) => dev)).not.toContain('0000:02:00.0');
  });
});

describe('inferWaits', () => {
  const failing = `${BOOT}${INIT}
[   11.100000] mydrv 16000000.video: deferred probe timeout, ignoring dependency
`;

  it('takes what a platform device gave up for an IOMMU if its probe goes on', () => {
    expect(waitsOf(failing).iommuOf('16000000.video')).toBe(UNNAMED_IOMMU);
    const failed = `${failing}[   11.200000] mydrv: probe of 16000000.video failed with error -110`;
    expect(waitsOf(failed).iommuOf('16000000.video')).toBeNull();
  });

  it('knows no IOMMU of a device that neither joined a group nor gave one up', () => {
    expect(waitsOf(BOOT + INIT + SMMU).iommuOf('0000:02:00.0')).toBeNull();
  });
});

const PENDING = `${BOOT.replace('6.1.0', '6.12.0')}
[    0.900000] clk-drv 11017000.clock: probe with driver clk-drv failed with error -22${INIT}
[   11.100000] platform 11007000.i2c: deferred probe pending: platform: supplier 11017000.clock not ready
[   11.200000] platform 11008000.usb: deferred probe pending: platform: wait for supplier phy
[   11.300000] platform sound: deferred probe pending: card_drv: codec not found
[   11.400000] platform 14000000.gpu: deferred probe pending: (reason unknown)`;

describe('a log that ends with deferred devices', () => {
  it('has them wait for what it says', () => {
    const { divergences, waiting } = imported(PENDING);
    expect(divergences).toEqual([]);
    expect(waiting).toEqual([
      {
        dev: '11007000.i2c',
        waitsFor: '11017000.clock',
        reason: 'platform: supplier 11017000.clock not ready',
      },
      { dev: '11008000.usb', waitsFor: 'phy', reason: 'platform: wait for supplier phy' },
      { dev: '14000000.gpu', waitsFor: null, reason: null },
      { dev: 'sound', waitsFor: null, reason: 'card_drv: codec not found' },
    ]);
  });

  it('has them wait for an IOMMU that is not there yet', () => {
    const { machine } = imported(BOOT + INIT + GIVEN_UP + SMMU).trace.header;
    const { waiting } = imported(BOOT + INIT, machine);
    expect(waiting.map(({ dev, waitsFor }) => [dev, waitsFor])).toEqual([
      ['0000:00:02.0', '9050000.smmuv3'],
      ['0000:02:00.0', '9050000.smmuv3'],
    ]);
    expect(imported(BOOT + INIT + GIVEN_UP).waiting).toEqual([]);
  });

  it('has nobody wait for an IOMMU that firmware switched off', () => {
    const waitsFor = (disabled: boolean) => {
      const { machine, kernel } = smallSystem({ outcomes: [-517], modularSmmu: !disabled });
      const devices = machine.devices.map((spec) =>
        spec.name === THE_SMMU ? { ...spec, disabled } : spec,
      );
      const run = createRun({ kernel, machine: { ...machine, devices } });
      run.give({ do: 'boot' });
      return stillWaiting(run).find(({ dev }) => dev === NIC)?.waitsFor;
    };
    expect(waitsFor(false)).toBe(THE_SMMU);
    expect(waitsFor(true)).toBeNull();
  });

  it('takes a pending IOMMU for the one that was given up', () => {
    const reason = 'platform: supplier 11017000.clock not ready';
    const log = `${PENDING}
[   11.500000] mydrv 16000000.video: deferred probe timeout, ignoring dependency
[   11.600000] platform 14016000.iommu: deferred probe pending: ${reason}`;
    expect(waitsOf(log).iommuOf('16000000.video')).toBe('14016000.iommu');
    expect(violated(imported(log))).toEqual([['client-binds-after-its-iommu', '16000000.video']]);
  });

  it('leaves out a device that was at work later', () => {
    const log = imported(`${PENDING}\n[   20.000000] i2c-drv 11007000.i2c: ready`);
    expect(log.waiting.map(({ dev }) => dev)).not.toContain('11007000.i2c');
  });
});
