// Bus numbers are what a scan makes of them: names come back, or move, as the kernel's own would.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Run, runAll } from '../../../src/engine/run.ts';
import type { DeviceSpec, DriverSpec, PciFunction } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { BOOT, kernel } from '../small-machine.ts';

const HOSTS = ['40000000.pcie', '50000000.pcie'];
const RESCAN = { do: 'rescan', dev: null } as const;
const remove = (dev: string): Stimulus => ({ do: 'remove', dev });

function driver(name: string, bus: string, ids: readonly string[]): DriverSpec {
  const flags = { driver_managed_dma: false, suppress_bind_attrs: false } as const;
  return { name, bus, module: null, ids, ...flags, probe_type: 'default' };
}
const DRIVERS = [
  driver('pci-host-generic', 'platform', ['pci-host-ecam-generic']),
  driver('pcieport', 'pci', ['lab,bridge']),
  driver('pciehp', 'pci_express', ['lab,hotplug']),
  driver('card', 'pci', ['lab,card']),
];

const hex = (value: number) => value.toString(16).padStart(2, '0');

function pciSpec(name: string, parent: string, over: Partial<PciFunction>): DeviceSpec {
  const isBridge = over.header === 1;
  const pci: PciFunction = {
    vendor: 0x1b36,
    device: 0x000c,
    class: isBridge ? 0x060400 : 0x020000,
    header: 0,
    multifunction: false,
    pcie: isBridge ? 'root-port' : 'endpoint',
    acs_capable: false,
    acs_enabled: false,
    ...over,
  };
  const service = {
    name: `${name}:pcie004`,
    bus: 'pci_express',
    parent: name,
    ids: ['lab,hotplug'],
  };
  const creates = pci.slot === undefined ? {} : { creates: [service] };
  return { name, bus: 'pci', parent, ids: [isBridge ? 'lab,bridge' : 'lab,card'], pci, ...creates };
}

/** What hangs in a slot: the functions of a card, or a bridge and what hangs behind it. */
type Slot = { readonly functions: number } | { readonly behind: Tree; readonly hotplug: boolean };
type Tree = readonly Slot[];

const { tree } = fc.letrec<{ tree: Tree; slot: Slot }>((tie) => ({
  slot: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ functions: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ behind: tie('tree'), hotplug: fc.boolean() }),
  ),
  tree: fc.array(tie('slot'), { minLength: 1, maxLength: 3 }),
}));

/** The functions of a tree, named as a kernel that numbers all bridges by itself names them. */
function specsOf(slots: Tree, parent: string, domain: string, bus: number): [DeviceSpec[], number] {
  const specs: DeviceSpec[] = [];
  let last = bus;
  const bridges: [Slot & { behind: Tree }, string][] = [];
  for (const [slot, what] of slots.entries()) {
    const name = `${domain}:${hex(bus)}:${hex(slot + 1)}`;
    if ('functions' in what) {
      for (let fn = 0; fn < what.functions; fn += 1)
        specs.push(pciSpec(`${name}.${fn}`, parent, { multifunction: what.functions > 1 }));
      continue;
    }
    const slotNumber = what.hotplug ? { slot: slot + 1 } : {};
    specs.push(pciSpec(`${name}.0`, parent, { header: 1, ...slotNumber }));
    bridges.push([what, `${name}.0`]);
  }
  for (const [{ behind }, name] of bridges) {
    const [deeper, reached] = specsOf(behind, name, domain, last + 1);
    specs.push(...deeper);
    last = reached;
  }
  return [specs, last];
}

function boot(trees: readonly Tree[], then: readonly Stimulus[] = []): Run {
  const hosts = trees.map((_, i): DeviceSpec => {
    const ids = ['pci-host-ecam-generic'];
    return { name: HOSTS[i] ?? '', bus: 'platform', parent: null, ids };
  });
  const below = trees.flatMap(
    (one, i) => specsOf(one, HOSTS[i] ?? '', hex(i).padStart(4, '0'), 0)[0],
  );
  const machine = {
    firmware: 'devicetree',
    devices: [...hosts, ...below],
    drivers: DRIVERS,
    modules: [],
    boot: [],
  } as const;
  return runAll({ machine, kernel: kernel() }, [BOOT, ...then]);
}

const functionsOf = ({ state }: Run) => [...(state.buses['pci']?.devices ?? [])].sort();
const driversOf = ({ state }: Run) =>
  Object.fromEntries(Object.values(state.devices).map(({ name, driver: drv }) => [name, drv]));

const trees = fc.array(tree, { minLength: 1, maxLength: 2 });

describe('a scan', () => {
  const TWO_PORTS: Tree = [
    { behind: [{ functions: 1 }], hotplug: true },
    { behind: [{ functions: 2 }], hotplug: true },
  ];

  it('gives a bridge the first number that is free, and what is behind it another name', () => {
    const run = boot([TWO_PORTS], [remove('0000:00:01.0'), RESCAN]);
    expect(functionsOf(run)).toEqual([
      '0000:00:01.0',
      '0000:00:02.0',
      '0000:01:01.0',
      '0000:01:01.1',
      '0000:02:01.0',
      '0000:02:01.1',
    ]);
    expect(run.state.pci.renumbered).toMatchObject({ '0000:01:01.1': '0000:02:01.1' });
    expect(run.state.pci.impaired).toEqual({ '0000:00:01.0': 'no-bus' });
    expect(driversOf(run)['0000:00:01.0:pcie004']).toBeNull();
    expect(driversOf(run)['0000:00:02.0:pcie004']).toBe('pciehp');
  });

  it('finds what every name of the machine names, and nothing else', () => {
    fc.assert(
      fc.property(trees, (given) => {
        const run = boot(given);
        const named = run.system.machine.devices.filter(({ pci }) => pci !== undefined);
        expect(functionsOf(run)).toEqual(named.map(({ name }) => name).sort());
        expect(run.state.pci.renumbered).toEqual({});
      }),
    );
  });

  it('again finds nothing new and moves nothing', () => {
    fc.assert(
      fc.property(trees, (given) => {
        const once = boot(given);
        const twice = boot(given, [RESCAN]);
        expect(twice.state.devices).toEqual(once.state.devices);
        expect(twice.state.pci).toEqual(once.state.pci);
      }),
    );
  });

  it('finds all again, under the old names, when all was removed', () => {
    fc.assert(
      fc.property(trees, (given) => {
        const before = boot(given);
        const top = Object.values(before.state.devices).filter(
          ({ bus, parent }) => bus === 'pci' && HOSTS.includes(parent ?? ''),
        );
        const after = boot(given, [...top.map(({ name }) => remove(name)), RESCAN]);
        expect(driversOf(after)).toEqual(driversOf(before));
      }),
    );
  });
});

describe('any order of removals and scans', () => {
  const aim = fc.nat(1000);
  const action = fc.oneof(
    fc.record({ what: fc.constant('remove' as const), aim }),
    fc.record({ what: fc.constant('rescan' as const), aim }),
    fc.record({ what: fc.constant('unplug' as const), aim }),
    fc.record({ what: fc.constant('plug' as const), aim }),
    fc.record({ what: fc.constant('unbind' as const), aim }),
    fc.record({ what: fc.constant('bind' as const), aim }),
  );

  it('leaves every function on a bus that is there, under a name of that bus', () => {
    fc.assert(
      fc.property(trees, fc.array(action, { maxLength: 8 }), (given, actions) => {
        const run = boot(given);
        for (const one of actions) {
          const all = functionsOf(run);
          const boots = run.system.machine.devices.filter(({ pci }) => pci !== undefined);
          const dev = all[one.aim % Math.max(1, all.length)] ?? '';
          const card = boots[one.aim % boots.length]?.name ?? '';
          const host = HOSTS[one.aim % given.length] ?? '';
          const hosted = { bus: 'platform', drv: 'pci-host-generic', dev: host };
          const stimuli: Record<typeof one.what, Stimulus> = {
            remove: remove(dev),
            rescan: { do: 'rescan', dev: one.aim % 2 === 0 || dev === '' ? null : dev },
            unplug: { do: 'plug', dev: card, present: false },
            plug: { do: 'plug', dev: card, present: true },
            unbind: { do: 'unbind', ...hosted },
            bind: { do: 'bind', ...hosted },
          };
          run.give(stimuli[one.what]);
          if (run.state.oops !== null) return;
        }
        for (const name of functionsOf(run)) {
          expect(Object.keys(run.state.pci.buses)).toContain(name.slice(0, name.lastIndexOf(':')));
          expect(run.state.devices_kset).toContain(name);
        }
        for (const [bridge, bus] of Object.entries(run.state.pci.subordinate))
          expect(run.state.pci.buses[bus]?.bridge).toBe(bridge);
      }),
    );
  });
});
