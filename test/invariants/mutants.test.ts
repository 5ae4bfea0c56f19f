// Each invariant is shown to fail: a run with one thing wrong breaks it, and the same run without
// that does not.
import { describe, expect, it } from 'vitest';
import { runAll } from '../../src/engine/run.ts';
import type { KernelEvent } from '../../src/events/event.ts';
import type { BootStep } from '../../src/events/machine.ts';
import type { Stimulus } from '../../src/events/stimulus.ts';
import type { Trace } from '../../src/events/trace.ts';
import { INVARIANTS } from '../../src/invariants/all.ts';
import { checkEvents, checkTrace } from '../../src/invariants/checker.ts';
import type { Facts } from '../../src/model/context.ts';
import { kernelOps } from '../../src/model/kernel/ops.ts';
import { reduce } from '../../src/model/state/reduce.ts';
import { initialState } from '../../src/model/state/state.ts';
import { patchesOf } from '../../src/model/versions/profile.ts';
import { runScenario } from '../model/scenario-run.ts';
import {
  ASSIGN_NIC,
  BIND_NIC,
  BOOT,
  kernel,
  LEAKY,
  NIC,
  NIC_GROUP,
  PORT,
  runSmall,
  SMMU,
  smallMachine,
  UNBIND_NIC,
  USE_NIC,
} from '../model/small-machine.ts';

interface Mutant {
  readonly code: string;
  readonly what: string;
  readonly subject: string;
  readonly broken: () => Trace;
  readonly sane: () => Trace;
}

const TEST_REMOVE = { config: { DEBUG_TEST_DRIVER_REMOVE: 'y' } };
/** The SMMU comes between the port's driver, which then waits for it, and the card's. */
const SMMU_BETWEEN: readonly BootStep[] = [
  { step: 'populate' },
  { step: 'driver', bus: 'platform', drv: 'pci-host-generic' },
  { step: 'driver', bus: 'pci', drv: 'pcieport' },
  { step: 'driver', bus: 'platform', drv: 'arm-smmu-v3' },
  { step: 'driver', bus: 'pci', drv: 'e1000e' },
  { step: 'late_initcall' },
];
const MODPROBE_SMMU = { do: 'modprobe', module: 'arm_smmu_v3', params: '' } as const;
const TIMEOUT = { do: 'deferred_probe_timeout' } as const;
const MODPROBE_TYPE1 = { do: 'modprobe', module: 'vfio_iommu_type1', params: '' } as const;
/** The card goes to a user who maps memory for it. */
const MAP: readonly Stimulus[] = [...ASSIGN_NIC.slice(0, -1), MODPROBE_TYPE1, USE_NIC];
/** The group that the port and the card share where the port has no ACS. */
const HOLD_SHARED: readonly Stimulus[] = [
  ...ASSIGN_NIC.slice(0, -1),
  MODPROBE_TYPE1,
  { ...USE_NIC, group: '0', hold: 'vm' },
];
/** And the port goes from its own driver to the one of the card. */
const INTRUDE: readonly Stimulus[] = [
  ...HOLD_SHARED,
  { do: 'unbind', bus: 'pci', drv: 'pcieport', dev: PORT },
  { do: 'driver_override', bus: 'pci', dev: PORT, drv: 'e1000e' },
  { do: 'bind', bus: 'pci', drv: 'e1000e', dev: PORT },
];
/** The SMMU's driver came, and went when nothing was left that it translated for. */
const SMMU_GONE: readonly Stimulus[] = [
  BOOT,
  MODPROBE_SMMU,
  { do: 'remove', dev: NIC },
  { do: 'remove', dev: PORT },
  { do: 'rmmod', module: 'arm_smmu_v3', force: false },
];
const REBOOT = { do: 'shutdown', how: 'reboot' } as const;
const AT_SMMU = { bus: 'platform', drv: 'arm-smmu-v3', dev: SMMU } as const;
const UNBIND_SMMU = { do: 'unbind', ...AT_SMMU } as const;
const BIND_SMMU = { do: 'bind', ...AT_SMMU } as const;
const UNBIND_PORT = { do: 'unbind', bus: 'pci', drv: 'pcieport', dev: PORT } as const;
const RESCAN = { do: 'rescan', dev: null } as const;
/** No timeout: what waits, waits. */
const NEVER = { cmdline: 'deferred_probe_timeout=-1' };

/** The run, with the SMMU registered behind the driver core's back, and a task that ends. */
function withIommu(run: ReturnType<typeof runSmall>): Trace {
  const at = { task: 'sh-9', stack: [], origin: 'assumed', line: null, timeUs: null } as const;
  const events: readonly KernelEvent[] = [
    { type: 'iommu.registered', iommu: SMMU, ops: 'arm-smmu-v3', fwnode: true, at: null },
    { type: 'task.finished', ret: 0 },
  ];
  const trace = run.trace();
  return { ...trace, events: [...trace.events, ...events.map((event) => ({ event, ...at }))] };
}

/** The small machine with a port whose ACS is there, and off when the kernel starts. */
function runAcs(version: string): Trace {
  const small = smallMachine({ acs: true });
  const devices = small.devices.map((device) =>
    device.pci === undefined ? device : { ...device, pci: { ...device.pci, acs_enabled: false } },
  );
  return runAll({ machine: { ...small, devices }, kernel: kernel({ version }) }, [BOOT]).trace();
}

const VTD: BootStep = { step: 'iommu', iommu: 'dmar0' };

/** The small machine's functions behind VT-d instead, and the end of its boot. */
function runVtd(steps: readonly BootStep[]): Trace {
  const small = smallMachine();
  const unit = { name: 'dmar0', bus: '', parent: null, ids: [], iommu_kind: 'intel' } as const;
  const row = { rid_base: 0, iommu: 'dmar0', sid_base: 0, length: 0x10000 };
  const devices = small.devices
    .filter(({ name }) => name !== SMMU)
    .map((device) => (device.pci ? device : { ...device, bus: '', ids: [], iommu_map: [row] }));
  const boot: readonly BootStep[] = [{ step: 'populate' }, ...steps, { step: 'late_initcall' }];
  const machine = { ...small, firmware: 'acpi' as const, devices: [unit, ...devices], boot };
  return runAll({ machine, kernel: kernel() }, [BOOT]).trace();
}

const MUTANTS: readonly Mutant[] = [
  {
    code: 'INV-BAL',
    what: 'a test removal without dma_cleanup',
    subject: NIC,
    broken: () => runSmall([BOOT], {}, LEAKY).trace(),
    sane: () => runSmall([BOOT], {}, TEST_REMOVE).trace(),
  },
  {
    code: 'INV-OWN',
    what: 'an unbind without dma_cleanup',
    subject: `group ${NIC_GROUP}`,
    broken: () => runSmall([BOOT, UNBIND_NIC], {}, { patches: { bus_dma_cleanup: false } }).trace(),
    sane: () => runSmall([BOOT, UNBIND_NIC]).trace(),
  },
  {
    code: 'INV-IDLE',
    what: 'a card that is let go with a leaked count',
    subject: `group ${NIC_GROUP}`,
    broken: () => runSmall([BOOT, UNBIND_NIC], {}, LEAKY).trace(),
    sane: () => runSmall([BOOT, UNBIND_NIC], {}, TEST_REMOVE).trace(),
  },
  {
    code: 'INV-ISO',
    what: 'a network driver that is bound to the port while a user has their group',
    subject: 'group 0',
    broken: () => runSmall(INTRUDE, { acs: false }, { version: '5.15' }).trace(),
    sane: () => runSmall(INTRUDE, { acs: false }).trace(),
  },
  {
    code: 'INV-COH',
    what: 'an SMMU that firmware does not call coherent, above a card that is',
    subject: NIC,
    broken: () => runSmall(ASSIGN_NIC, { coherentHost: true, coherentSmmu: false }).trace(),
    sane: () => runSmall(ASSIGN_NIC, { coherentHost: true }).trace(),
  },
  {
    code: 'INV-COH',
    what: 'memory that is mapped for a card which is not coherent',
    subject: NIC,
    broken: () =>
      runSmall(MAP, { coherentHost: false, coherentSmmu: false }, { version: '5.15' }).trace(),
    sane: () => runSmall(MAP, { coherentHost: false, coherentSmmu: false }).trace(),
  },
  {
    code: 'INV-FWHW',
    what: 'an SMMU whose id register was tied off',
    subject: SMMU,
    broken: () => runSmall([BOOT], { idCoherent: false }).trace(),
    sane: () => runSmall([BOOT], { idCoherent: true }).trace(),
  },
  {
    code: 'INV-FWHW',
    what: 'a mapping that the table walks of a wrongly described SMMU do not see',
    subject: '5000000.iommu',
    broken: () => runScenario('an-smmu-does-not-see-what-is-mapped').trace(),
    sane: () => runScenario('an-smmu-sees-what-is-mapped').trace(),
  },
  {
    code: 'INV-STALE',
    what: 'a write past the caches that firmware keeps the kernel from flushing',
    subject: '0000:00:02.0',
    broken: () => runScenario('firmware-calls-a-card-coherent-that-is-not').trace(),
    sane: () => runScenario('the-kernel-flushes-for-a-card-that-does-not-snoop').trace(),
  },
  {
    code: 'INV-STALE',
    what: 'a write past the caches to memory of a user',
    subject: '0000:00:02.0',
    broken: () => runScenario('memory-mapped-for-a-card-that-does-not-snoop').trace(),
    sane: () => runScenario('a-transaction-finds-its-mapping').trace(),
  },
  {
    code: 'INV-GRP',
    what: 'a port without ACS that is grouped after what is behind it',
    subject: NIC,
    broken: () => runSmall([BOOT], { acs: false, boot: SMMU_BETWEEN }).trace(),
    sane: () => runSmall([BOOT], { acs: false }).trace(),
  },
  {
    code: 'INV-GRP',
    what: 'a port that is found before ACS is asked for',
    subject: PORT,
    broken: () => runAcs('6.1'),
    sane: () => runAcs('7.2'),
  },
  {
    code: 'INV-GRP',
    what: 'an IOMMU that comes after the drivers of its devices',
    subject: NIC,
    broken: () => runVtd([{ step: 'driver', bus: 'pci', drv: 'e1000e' }, VTD]),
    sane: () => runVtd([VTD, { step: 'driver', bus: 'pci', drv: 'e1000e' }]),
  },
  {
    code: 'INV-ORDER',
    what: 'a timeout before the module of the SMMU is loaded',
    subject: NIC,
    broken: () => runSmall([BOOT, TIMEOUT, MODPROBE_SMMU], { modularSmmu: true }).trace(),
    sane: () => runSmall([BOOT, MODPROBE_SMMU, TIMEOUT], { modularSmmu: true }).trace(),
  },
  {
    code: 'INV-ONCE',
    what: 'an SMMU whose shutdown is its removal',
    subject: NIC,
    broken: () => {
      const patches = { smmu_no_unregister_on_shutdown: false };
      return runSmall([BOOT, REBOOT], {}, { patches }).trace();
    },
    sane: () => {
      const patches = { smmu_no_unregister_on_shutdown: true };
      return runSmall([BOOT, REBOOT], {}, { patches }).trace();
    },
  },
  {
    code: 'INV-SYNC',
    what: 'a clock that goes off before the display it feeds has its driver',
    subject: '6000000.clock',
    broken: () => runScenario('clock-goes-off-before-its-user-comes').trace(),
    sane: () => runScenario('sync_state-waits-for-the-display').trace(),
  },
  {
    code: 'INV-DAG',
    what: 'a host bridge that is linked to an IOMMU below it',
    subject: '4010000000.pcie',
    broken: () => runScenario('iommu-map-names-a-function-below').trace(),
    sane: () => runScenario('iommu-map-makes-no-link').trace(),
  },
  {
    code: 'INV-DEFER',
    what: 'two host bridges that wait for what only the other can find',
    subject: '20000000.pcie',
    broken: () => runScenario('two-host-bridges-wait-for-each-other').trace(),
    sane: () => runScenario('two-host-bridges-are-let-go').trace(),
  },
  {
    code: 'INV-DEFER',
    what: 'a client that is not retried when its IOMMU comes without a driver being bound',
    subject: NIC,
    broken: () => withIommu(runSmall([BOOT], { modularSmmu: true, modularNic: false }, NEVER)),
    sane: () => runSmall([BOOT, MODPROBE_SMMU], { modularSmmu: true }, NEVER).trace(),
  },
  {
    code: 'INV-LIVE',
    what: 'an unload of the module of the SMMU, which leaves the ops of buses',
    subject: 'bus pci',
    broken: () => runSmall(SMMU_GONE, { modularSmmu: true }).trace(),
    sane: () => runSmall(SMMU_GONE, { modularSmmu: true }, { version: '6.12' }).trace(),
  },
  {
    code: 'INV-LIVE',
    what: 'an unbind of an SMMU under the card that it translates for',
    subject: NIC,
    broken: () => runSmall([BOOT, UNBIND_SMMU], {}, { version: '4.15' }).trace(),
    sane: () => runSmall([BOOT, UNBIND_SMMU], {}, { version: '5.4' }).trace(),
  },
  {
    code: 'INV-LIVE',
    what: 'an SMMU that releases a card which stays bound',
    subject: NIC,
    broken: () => {
      const patches = { smmu_suppress_bind: false };
      return runSmall([BOOT, UNBIND_SMMU], {}, { version: '6.1', patches }).trace();
    },
    sane: () => runSmall([BOOT, UNBIND_SMMU]).trace(),
  },
  {
    code: 'INV-LIVE',
    what: 'an SMMU that is bound again while a card without a driver keeps its group',
    subject: NIC,
    broken: () => {
      const again = [BOOT, UNBIND_NIC, UNBIND_PORT, UNBIND_SMMU, BIND_SMMU];
      return runSmall(again, {}, { version: '4.15' }).trace();
    },
    sane: () => {
      const once = [BOOT, UNBIND_NIC, UNBIND_PORT, UNBIND_SMMU];
      return runSmall(once, {}, { version: '4.15' }).trace();
    },
  },
  {
    code: 'INV-MASTERS',
    what: 'a search for masters while an SMMU that lists some waits for its clock',
    subject: '2b500000.iommu',
    broken: () => runScenario('an-smmu-comes-after-the-search-for-masters').trace(),
    sane: () => runScenario('masters-are-searched-for-when-all-smmus-are-there').trace(),
  },
  {
    code: 'INV-OPS',
    what: 'a teardown that leaves the operations of a mapping that it frees',
    subject: 'fd000000.display',
    broken: () => runScenario('deferral-leaves-stale-dma_ops').trace(),
    sane: () => runScenario('deferral-clears-dma_ops').trace(),
  },
  {
    code: 'INV-OPS',
    what: 'operations of the board that a teardown clears',
    subject: 'ffe08000.sata',
    broken: () => runScenario('teardown-destroys-notifier-dma_ops').trace(),
    sane: () => runScenario('teardown-spares-notifier-dma_ops').trace(),
  },
  {
    code: 'INV-OPS',
    what: 'plain operations that stay as the IOMMU comes',
    subject: 'fd000000.display',
    broken: () => runScenario('plain-dma_ops-outlive-the-wait-for-the-iommu').trace(),
    sane: () => runScenario('cleared-dma_ops-let-the-iommu-in').trace(),
  },
  {
    code: 'INV-OPS',
    what: 'a buffer that outlives the operations it came from',
    subject: 'fd000000.display',
    broken: () => runScenario('dma_ops-torn-down-before-buffers-are-freed').trace(),
    sane: () => runScenario('buffers-freed-before-dma_ops-are-torn-down').trace(),
  },
  {
    code: 'INV-OPS',
    what: 'a domain in the place of the mapping',
    subject: 'fe970000.fcp',
    broken: () => runScenario('default-domain-displaces-the-ipmmu-mapping').trace(),
    sane: () => runScenario('probe_finalize-attaches-the-ipmmu-mapping').trace(),
  },
  {
    code: 'INV-MAP',
    what: 'a device that is taken off the mapping of its IPMMU',
    subject: 'fe960000.vsp',
    broken: () => runScenario('deferral-takes-the-ipmmu-mapping').trace(),
    sane: () => runScenario('deferral-spares-the-ipmmu-mapping').trace(),
  },
  {
    code: 'INV-MAP',
    what: 'a second mapping for one context',
    subject: 'fd100000.camera',
    broken: () => runScenario('one-context-two-private-mappings').trace(),
    sane: () => runScenario('one-context-one-shared-mapping').trace(),
  },
  {
    code: 'INV-BOOTDMA',
    what: 'a reset that forgets the streams of the boot loader',
    subject: 'ae00000.mdss',
    broken: () => runScenario('smmu-reset-cuts-the-splash-screen').trace(),
    sane: () => runScenario('qcom-readback-keeps-the-splash-screen').trace(),
  },
  {
    code: 'INV-BOOTDMA',
    what: 'a domain without what the device reads',
    subject: '7000000.display',
    broken: () => runScenario('iommu-addresses-not-read').trace(),
    sane: () => runScenario('direct-regions-mapped-before-the-attach').trace(),
  },
  {
    code: 'INV-BOOTDMA',
    what: 'a claim of a device that must stay mapped',
    subject: '0000:00:02.0',
    broken: () => runScenario('vfio-cuts-off-a-device-with-an-rmrr').trace(),
    sane: () => runScenario('vfio-is-refused-a-device-with-an-rmrr').trace(),
  },
  {
    code: 'INV-BOOTDMA',
    what: 'a page that the kernel overlooked as it read the hardware',
    subject: 'ae00000.mdss',
    broken: () => runScenario('inherited-mapping-is-not-all-there-is').trace(),
    sane: () => runScenario('memory-in-use-is-kept-from-the-kernel').trace(),
  },
  {
    code: 'INV-BOOTDMA',
    what: 'page tables that nobody reserved',
    subject: 'ae00000.mdss',
    broken: () => runScenario('page-tables-of-the-boot-loader-are-overwritten').trace(),
    sane: () => runScenario('page-tables-of-the-boot-loader-are-reserved').trace(),
  },
  {
    code: 'INV-BOOTDMA',
    what: 'a register for all streams, written for one',
    subject: '7000000.display',
    broken: () => runScenario('one-register-for-all-streams-cuts-a-display').trace(),
    sane: () => runScenario('one-register-for-all-streams-left-open').trace(),
  },
  {
    code: 'INV-BOOTDMA',
    what: 'a read beyond the region that firmware named',
    subject: '7000000.display',
    broken: () => runScenario('a-direct-region-is-too-short').trace(),
    sane: () => runScenario('a-direct-region-has-all-that-is-read').trace(),
  },
  {
    code: 'INV-OOPS',
    what: 'a rescan after the module of the SMMU went',
    subject: '__iommu_probe_device',
    broken: () => runSmall([...SMMU_GONE, RESCAN], { modularSmmu: true }).trace(),
    sane: () =>
      runSmall([...SMMU_GONE, RESCAN], { modularSmmu: true }, { version: '6.12' }).trace(),
  },
];

function violations({ header, events }: Trace, code: string) {
  const invariant = INVARIANTS.find((one) => one.code === code);
  return checkTrace(header, events, invariant === undefined ? [] : [invariant]);
}

describe('an invariant can fail', () => {
  it.each(MUTANTS)('$code: $what', ({ code, subject, broken, sane }) => {
    const found = violations(broken(), code);
    expect(found.map((one) => one.subject)).toContain(subject);
    expect(violations(sane(), code)).toEqual([]);
  });

  it('and each has its mutant', () => {
    const codes = MUTANTS.map(({ code }) => code);
    expect(INVARIANTS.filter(({ code }) => !codes.includes(code))).toEqual([]);
  });
});

describe('the order of probing', () => {
  it('is blamed at the event that groups the card without its port', () => {
    const trace = runSmall([BOOT], { acs: false, boot: SMMU_BETWEEN }).trace();
    const [first] = violations(trace, 'INV-GRP');
    expect(trace.events[first?.event ?? -1]?.event).toMatchObject({
      type: 'group.joined',
      dev: NIC,
    });
    expect(first?.values).toMatchObject({ other: PORT });
  });

  it('no longer matters once firmware is parsed as devices are added', () => {
    const patches = { fw_parse_at_add: true, fwspec_needs_iommu: true };
    for (const version of ['6.1', '6.12']) {
      const run = runSmall([BOOT], { acs: false, boot: SMMU_BETWEEN }, { version, patches });
      expect(violations(run.trace(), 'INV-GRP')).toEqual([]);
      expect(run.state.groups[0]?.devices).toEqual([PORT, NIC]);
      expect(run.state.groups[0]?.owner_cnt).toBe(1);
    }
  });

  it('names the SMMU that a client did not wait for', () => {
    const trace = runSmall([BOOT, TIMEOUT], { modularSmmu: true }).trace();
    expect(violations(trace, 'INV-ORDER')[0]?.values).toMatchObject({
      iommu: SMMU,
      registered: false,
    });
  });
});

describe('every invariant', () => {
  const { header, events } = runSmall([BOOT, UNBIND_NIC]).trace();
  const patches = patchesOf(header.kernel);
  const factsAfter = (count: number): Facts => {
    const state = initialState();
    for (const { event } of events.slice(0, count)) reduce(state, event);
    return { state, machine: header.machine, ops: kernelOps, has: (name) => patches.has(name) };
  };

  it.each(INVARIANTS.map((one) => [one.code, one] as const))(
    '%s can be asked of any subject at any time',
    (_code, invariant) => {
      for (const count of [0, Math.floor(events.length / 2), events.length])
        for (const subject of ['nobody', NIC, SMMU, `${NIC_GROUP}`, '7', 'pci', 'bus pci', ''])
          expect(() => invariant.check(subject, factsAfter(count))).not.toThrow();
    },
  );
});

describe('a violation', () => {
  const OVERRULE: readonly KernelEvent[] = [
    { type: 'log.diverged', expected: 'no such line', observed: 'the group of the port' },
    { type: 'group.left', dev: PORT, group: 1 },
    { type: 'group.joined', dev: PORT, group: 0 },
    { type: 'group.joined', dev: NIC, group: 0 },
  ];
  const followed = (run: Trace, events: readonly KernelEvent[]): Trace => {
    const at = { task: 'sh-0', stack: [], origin: 'assumed', line: 7, timeUs: null } as const;
    return { ...run, events: [...run.events, ...events.map((event) => ({ event, ...at }))] };
  };
  const split = runSmall([BOOT], { acs: false, boot: SMMU_BETWEEN }).trace();

  it('does not count when the log says that it never was', () => {
    expect(violations(split, 'INV-GRP')).toHaveLength(1);
    const { header, events } = followed(split, OVERRULE);
    const { violations: left, overruled } = checkEvents(header, events);
    expect(left.filter((one) => one.invariant === 'non-isolated-devices-share-a-group')).toEqual(
      [],
    );
    expect(overruled).toMatchObject([{ invariant: 'non-isolated-devices-share-a-group' }]);
  });

  it('does not begin where a log moves one device after the other', () => {
    const sane = runSmall([BOOT], { acs: false }).trace();
    const moved: readonly KernelEvent[] = [
      { type: 'log.diverged', expected: 'no such line', observed: 'the group of the card' },
      { type: 'group.left', dev: NIC, group: 0 },
      { type: 'group.allocated', group: 5 },
      { type: 'group.joined', dev: NIC, group: 5 },
    ];
    expect(violations(followed(sane, moved), 'INV-GRP')).toEqual([]);
    expect(violations(followed(sane, moved.slice(1)), 'INV-GRP')).toHaveLength(1);
  });

  it('is reported when it begins, and again when it begins again', () => {
    const trace = runSmall([BOOT, UNBIND_NIC, BIND_NIC, UNBIND_NIC], {}, LEAKY).trace();
    const tasks = violations(trace, 'INV-IDLE').map(({ event }) => trace.events[event]?.task);
    expect(tasks).toEqual(['sh-1', 'sh-3']);
  });

  it('says what was done, where in the kernel, and with which values', () => {
    const trace = runSmall([BOOT], {}, LEAKY).trace();
    expect(violations(trace, 'INV-OWN')[0]).toMatchObject({
      subject: `group ${NIC_GROUP}`,
      stimulus: 'boot',
      values: { owner_cnt: 1, users: 0 },
      stack: expect.arrayContaining(['really_probe', 'test_remove']),
    });
  });
});
