// Tests what firmware says of a device's IOMMU: ids one after the other, IOMMUs of two kinds, and the
// time between the registration of an IOMMU and its being bound.
import { describe, expect, it } from 'vitest';
import { type Run, runAll } from '../../../src/engine/run.ts';
import type { DeviceSpec, KernelSpec, Machine } from '../../../src/events/machine.ts';
import { BOOT, kernel, NIC, PORT, SMMU, smallMachine } from '../small-machine.ts';

const printed = (run: Run): readonly string[] =>
  run.scheduler.events.flatMap(({ event }) => (event.type === 'printk' ? [event.text] : []));

const ETH = 'fe300000.ethernet';

function platform(name: string, over: Partial<DeviceSpec>): DeviceSpec {
  return { name, bus: 'platform', parent: null, ids: [], ...over };
}

/** The small machine's drivers, an Ethernet controller behind the IOMMUs given, and those. */
function withEthernet(
  iommus: DeviceSpec['iommus'],
  others: readonly DeviceSpec[],
  order: readonly string[],
): Machine {
  const small = smallMachine();
  const known = (name: string) => small.drivers.find((driver) => driver.name === name);
  const [like] = small.drivers;
  if (like === undefined) throw new Error('the small machine has no drivers');
  const drivers = order.map(
    (name) => known(name) ?? { ...like, name, ids: [name === 'arm-smmu' ? 'arm,mmu-500' : name] },
  );
  const eth = platform(ETH, { ids: ['eth'], ...(iommus === undefined ? {} : { iommus }) });
  const smmu = small.devices.filter(({ name }) => name === SMMU);
  return { ...small, devices: [...smmu, ...others, eth], drivers };
}

const boot = (machine: Machine, over: Partial<KernelSpec> = {}) =>
  runAll({ machine, kernel: kernel(over) }, [BOOT]);

const SECOND = platform('5000000.iommu', { ids: ['arm,mmu-500'], iommu_kind: 'arm-smmu' });

describe('an id that no row of iommu-map covers', () => {
  function partly(rid_base: number, of_node?: string): Machine {
    const small = smallMachine();
    const row = { rid_base, iommu: SMMU, sid_base: 0, length: 0x10000 };
    const devices = small.devices.map((device) =>
      device.iommu_map === undefined
        ? device
        : { ...device, iommu_map: [row], ...(of_node === undefined ? {} : { of_node }) },
    );
    return { ...small, devices };
  }

  it('is spoken of, and its device has no IOMMU', () => {
    const run = boot(partly(0x100));
    const line = 'OF: /pcie@40000000: no iommu-map translation for id 0x8 on (null)';
    expect(printed(run).filter((text) => text.includes('no iommu-map'))).toEqual([line]);
    expect(run.state.devices[PORT]?.iommu_group).toBeNull();
    expect(run.state.devices[NIC]?.iommu_group).toBe(0);
  });

  it('is spoken of under the name of the node', () => {
    const run = boot(partly(0x100, '/soc/pcie@1000'));
    expect(printed(run).filter((text) => text.startsWith('OF: /soc/pcie@1000: '))).toHaveLength(1);
  });

  it('is silent with ACPI', () => {
    const run = boot({ ...partly(0x100), firmware: 'acpi' });
    expect(printed(run).filter((text) => text.includes('no iommu-map'))).toEqual([]);
    expect(run.state.devices[PORT]?.iommu_group).toBeNull();
  });
});

describe('two IOMMUs for one device', () => {
  const both = [
    { iommu: SMMU, ids: [1, 2] },
    { iommu: SECOND.name, ids: [3] },
  ];

  it('of one driver: all ids are kept, and the first one translates', () => {
    const twin = platform('9060000.smmuv3', { ids: ['arm,smmu-v3'], iommu_kind: 'arm-smmu-v3' });
    const iommus = [both[0] ?? { iommu: SMMU, ids: [] }, { iommu: twin.name, ids: [3] }];
    const { state } = boot(withEthernet(iommus, [twin], ['arm-smmu-v3', 'eth']));
    expect(state.devices[ETH]?.fwspec).toEqual({ iommu: SMMU, ids: [1, 2, 3] });
    expect(state.devices[ETH]?.iommu).toBe(SMMU);
  });

  it('of two drivers: the device goes on without any', () => {
    const order = ['arm-smmu-v3', 'arm-smmu', 'eth'];
    const { state } = boot(withEthernet(both, [SECOND], order), { version: '6.12' });
    expect(state.iommus.map(({ name }) => name)).toEqual([SMMU, SECOND.name]);
    expect(state.devices[ETH]).toMatchObject({ bound: true, fwspec: null, iommu_group: null });
  });

  it('of which the second is missing: since 6.10 the device waits for it', () => {
    const machine = withEthernet(both, [SECOND], ['arm-smmu-v3', 'eth']);
    expect(boot(machine, { version: '6.12' }).state.devices[ETH]?.deferred).toBe('pending');
    expect(boot(machine, { version: '6.1' }).state.devices[ETH]?.bound).toBe(true);
  });
});

describe('an IOMMU that is switched off in firmware', () => {
  it('is none, and is not waited for', () => {
    const off = { ...SECOND, disabled: true };
    const machine = withEthernet([{ iommu: SECOND.name, ids: [3] }], [off], ['eth']);
    expect(boot(machine).state.devices[ETH]?.bound).toBe(true);
  });
});

describe('a device that waits for its IOMMU', () => {
  it.each([
    ['devicetree', '6.5', true],
    ['devicetree', '6.12', false],
    ['acpi', '6.5', false],
  ] as const)('with %s on %s keeps dev->iommu: %s', (firmware, version, keeps) => {
    const machine = withEthernet([{ iommu: SMMU, ids: [1] }], [], ['eth']);
    const { state } = boot({ ...machine, firmware }, { version });
    expect(state.devices[ETH]).toMatchObject({ deferred: 'pending', dev_iommu: keeps });
  });
});

describe('an SMMU v3 that is registered and not bound', () => {
  const machine = withEthernet([{ iommu: SMMU, ids: [1] }], [], ['eth', 'arm-smmu-v3']);
  const first = machine.drivers.map((driver) =>
    driver.name === 'eth' ? { ...driver, probe_type: 'async' as const } : driver,
  );

  /** The groups that the client ends up in under many schedules. */
  function outcomes(patches: KernelSpec['patches']): ReadonlySet<number | null | undefined> {
    const system = { machine: { ...machine, drivers: first }, kernel: kernel({ patches }) };
    const found = new Set<number | null | undefined>();
    for (let schedule = 1; schedule <= 300; schedule++) {
      let luck = schedule;
      const choose = ({ length }: { readonly length: number }) => {
        luck = (luck * 1103515245 + 12345) % 2147483648;
        return Math.floor((luck / 2147483648) ** 2 * length);
      };
      const { state } = runAll(system, [BOOT], { choose });
      expect(state.devices[ETH]?.bound).toBe(true);
      found.add(state.devices[ETH]?.iommu_group);
    }
    return found;
  }

  it('takes no client, which goes on without an IOMMU', () => {
    expect(outcomes({})).toEqual(new Set([0, null]));
  });

  it('takes clients where it is looked up on its bus', () => {
    expect(outcomes({ smmu_register_last: true })).toEqual(new Set([0]));
  });
});
