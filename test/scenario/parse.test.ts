import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError, renderError } from '../../src/error.ts';
import type { DriverSpec } from '../../src/events/machine.ts';
import { tableOf } from '../../src/events/table.ts';
import { parseMachine, parseScenario } from '../../src/scenario/parse.ts';

const E1000E: DriverSpec = {
  name: 'e1000e',
  bus: 'pci',
  module: 'e1000e',
  ids: ['pci:v00008086d000010D3sv*sd*bc*sc*i*'],
  driver_managed_dma: false,
  suppress_bind_attrs: false,
  probe_type: 'default',
};
const knowledge = {
  known: (name: string) => (name === E1000E.name ? E1000E : undefined),
  knownNames: [E1000E.name],
};

const EXAMPLE = `
name: test-remove-leaves-owner_cnt
title: With DEBUG_TEST_DRIVER_REMOVE a probe leaves one DMA ownership too many
story: |
  really_probe runs the remove test after the first probe.

  It forgets dma_cleanup.
kernel:
  version: '6.1'
  config: { DEBUG_TEST_DRIVER_REMOVE: y }
  patches: { test_remove_dma_cleanup: off }
machine:
  firmware: devicetree
  devices:
    - { name: 9050000.smmuv3, bus: platform, ids: ['arm,smmu-v3'], iommu_kind: arm-smmu-v3 }
    - name: 4010000000.pcie
      bus: platform
      ids: [pci-host-ecam-generic]
      dma_coherent: true
      iommu_map: [{ iommu: 9050000.smmuv3 }]
    - name: '0000:00:01.0'
      parent: 4010000000.pcie
      pci: { id: '1b36:000c', class: 0x060400, type: root-port, acs: off }
    - { name: '0000:01:00.0', parent: '0000:00:01.0', pci: { id: '8086:10d3', class: 0x020000 } }
    - name: '0000:02:00.0'
      pci: { id: '1af4:1041', class: 0x020000, type: conventional, multifunction: true }
      creates:
        - { name: virtio0, bus: virtio, ids: ['virtio:d00000001v*'] }
  drivers:
    - e1000e
    - { like: e1000e, name: broken, outcomes: { '0000:01:00.0': [-EPROBE_DEFER, 0] } }
    - { name: vfio-pci, bus: pci, module: vfio-pci, driver_managed_dma: true }
  modules: [e1000e, { name: vfio-pci, depends: [vfio] }]
  boot: [populate, device: '0000:01:00.0', driver: e1000e, late_initcall]
steps:
  - boot
  - modprobe: vfio-pci ids=8086:10d3
  - unbind: { drv: e1000e, dev: '0000:01:00.0' }
  - driver_override: { dev: '0000:01:00.0', drv: vfio-pci }
  - drivers_probe: '0000:01:00.0'
  - vfio: { group: 1, dev: '0000:01:00.0', nocontainer: true }
  - rmmod: { module: vfio-pci, force: true }
  - new_id: { drv: vfio-pci, id: 8086 10d3 }
  - rescan
expect:
  - violation: { invariant: owner_cnt-matches-users, subject: group 1 }
  - holds: all
  - driver: { dev: '0000:01:00.0', is: none }
  - owner_cnt: { group: 1, is: 2, after: 3 }
  - returns: { step: 5, ret: -EBUSY }
  - prints: 'probe with driver'
`;

function errorOf(text: string): ReprobeError {
  try {
    parseScenario(text, 's.yaml', knowledge);
  } catch (error) {
    if (error instanceof ReprobeError) return error;
    throw error;
  }
  throw new Error('expected the scenario to be refused');
}

/** The example with one place changed. */
function changed(from: string, to: string): string {
  expect(EXAMPLE).toContain(from);
  return EXAMPLE.replace(from, () => to);
}

describe('the example', () => {
  const scenario = parseScenario(EXAMPLE, 's.yaml', knowledge);

  it('has its texts, kernel and lines', () => {
    expect(scenario.name).toBe('test-remove-leaves-owner_cnt');
    expect(scenario.story).toBe(
      'really_probe runs the remove test after the first probe.\n\nIt forgets dma_cleanup.\n',
    );
    expect(scenario.kernel).toStrictEqual({
      version: '6.1',
      release: null,
      config: tableOf([['DEBUG_TEST_DRIVER_REMOVE', 'y']]),
      cmdline: '',
      patches: tableOf([['test_remove_dma_cleanup', false]]),
    });
    expect(scenario.stepLines).toEqual([36, 37, 38, 39, 40, 41, 42, 43, 44]);
    expect(scenario.expectLines[0]).toBe(46);
  });

  it('fills in what a device need not say', () => {
    const [, host, port, nic, , ...rest] = scenario.machine.devices;
    expect(rest).toEqual([]);
    expect(host?.iommu_map).toEqual([
      { rid_base: 0, iommu: '9050000.smmuv3', sid_base: 0, length: 0x10000 },
    ]);
    expect(port?.pci).toMatchObject({ header: 1, acs_capable: true, acs_enabled: false });
    expect(nic).toStrictEqual({
      name: '0000:01:00.0',
      bus: 'pci',
      parent: '0000:00:01.0',
      ids: ['pci:v00008086d000010D3sv00000000sd00000000bc02sc00i00'],
      pci: {
        vendor: 0x8086,
        device: 0x10d3,
        class: 0x020000,
        header: 0,
        multifunction: false,
        pcie: 'endpoint',
        acs_capable: false,
        acs_enabled: false,
      },
    });
    const child = scenario.machine.devices[4]?.creates?.[0];
    expect(child).toMatchObject({ name: 'virtio0', parent: '0000:02:00.0' });
  });

  it('looks up drivers by name, and changes them by like', () => {
    const outcomes = tableOf([['0000:01:00.0', [-517, 0]]]);
    expect(scenario.machine.drivers).toStrictEqual([
      E1000E,
      { ...E1000E, name: 'broken', outcomes },
      { ...E1000E, name: 'vfio-pci', module: 'vfio-pci', ids: [], driver_managed_dma: true },
    ]);
    expect(scenario.machine.boot).toEqual([
      { step: 'populate' },
      { step: 'device', dev: '0000:01:00.0' },
      { step: 'driver', bus: 'pci', drv: 'e1000e' },
      { step: 'late_initcall' },
    ]);
  });

  it('finds the bus of a step', () => {
    expect(scenario.steps.slice(1, 6)).toEqual([
      { do: 'modprobe', module: 'vfio-pci', params: 'ids=8086:10d3' },
      { do: 'unbind', bus: 'pci', drv: 'e1000e', dev: '0000:01:00.0' },
      { do: 'driver_override', bus: 'pci', dev: '0000:01:00.0', drv: 'vfio-pci' },
      { do: 'drivers_probe', bus: 'pci', dev: '0000:01:00.0' },
      {
        do: 'vfio',
        group: '1',
        dev: '0000:01:00.0',
        dma: false,
        nocontainer: true,
        nodevice: false,
        hold: null,
      },
    ]);
  });

  it('expects', () => {
    expect(scenario.expect).toEqual([
      { kind: 'violation', invariant: 'owner_cnt-matches-users', subject: 'group 1' },
      { kind: 'holds', invariant: null },
      { kind: 'driver', dev: '0000:01:00.0', is: null, after: null },
      { kind: 'owner_cnt', group: 1, is: 2, after: 3 },
      { kind: 'returns', step: 5, ret: -16 },
      { kind: 'prints', text: 'probe with driver' },
    ]);
  });
});

describe('errors', () => {
  it.each<[string, string, string, number, number, string, string | null]>([
    ['a key', 'iommu_kind: arm', 'iommu_knd: arm', 15, 68, 'not known', 'did you mean iommu_kind?'],
    ['a word', 'iommu_kind: arm-smmu-v3', 'iommu_kind: smmu', 15, 80, 'must be one of', null],
    ['a step', '- unbind: {', '- unbnid: {', 38, 5, '"unbnid"', 'did you mean unbind?'],
    ['a bare step', '- rescan', '- rescna', 44, 5, 'one of boot', 'did you mean rescan?'],
    [
      'a step that says too little',
      '- rescan',
      '- unbind',
      44,
      5,
      'say more',
      'write unbind: { dev, [drv], [bus] }',
    ],
    [
      'together in itself',
      '- rescan',
      '- together: [{ together: [rescan] }]',
      44,
      16,
      'in another step',
      null,
    ],
    ['a boot at once', '- rescan', '- together: [rescan, boot]', 44, 24, 'the boot', null],
    ['nothing at once', '- rescan', '- together: []', 44, 15, 'together is empty', null],
    ['one at once', '- rescan', '- together: rescan', 44, 15, 'must be a list', null],
    ['no value', 'is: 2', 'is:', 49, 31, 'must be a number, not nothing', null],
    ['octal', 'is: 2', 'is: 02', 49, 32, 'must be a number', 'leading zeros'],
    ['too many digits', 'is: 2', 'is: 99999999999999999', 49, 32, 'must be from', null],
    ['a foreign errno', '-EBUSY', '-EBUSSY', 50, 30, 'not an errno', null],
    ['a step that is not there', 'after: 3', 'after: 30', 49, 16, 'no step 30', null],
    ['a driver', '- e1000e', '- e1000', 30, 7, 'No driver "e1000"', 'did you mean e1000e?'],
    ['a bad id', "'8086:10d3', class", "'8086-10d3', class", 24, 66, 'vendor:device', null],
    ['all', 'holds: all', 'holds: al', 47, 12, 'no invariant "al"', 'did you mean all?'],
    [
      'an invariant',
      'invariant: owner_cnt-matches-users',
      'invariant: owner_cnt-match-users',
      46,
      29,
      'no invariant',
      'did you mean owner_cnt-matches-users?',
    ],
    [
      'all violated',
      '- holds: all',
      '- violation: all',
      47,
      16,
      'no invariant "all"',
      'list invariants',
    ],
    [
      'a map for text',
      '- holds: all',
      '- holds: { a: b }',
      47,
      12,
      'expect[2].holds must be text, not a map',
      null,
    ],
    ['a key twice', 'title:', 'name: x\ntitle:', 3, 1, '"name" is there twice', null],
    ['a device twice', "{ name: '0000:01", "{ name: '0000:02", 25, 7, 'is there twice', null],
    ['a list for a map', 'kernel:\n', 'kernel: []\nx:\n', 9, 1, '"x" is not known', null],
    ['a map for a list', 'expect:\n', 'choices: {}\nexpect:\n', 45, 10, 'must be a list', null],
    [
      'no parent',
      "parent: '0000:00:01",
      "parent: '0000:00:09",
      24,
      39,
      'no device "0000:00:09.0"',
      'mean 0000:00:01.0?',
    ],
    [
      'its own parent',
      "parent: '0000:00:01",
      "parent: '0000:01:00",
      24,
      39,
      'circle, "0000:01:00.0" below "0000:01:00.0".',
      null,
    ],
    [
      'no IOMMU',
      'iommu: 9050000',
      'iommu: 9050001',
      20,
      28,
      'machine.devices[2] (4010000000.pcie).iommu_map[1].iommu: ',
      'mean 9050000.smmuv3?',
    ],
    [
      'no supplier',
      'dma_coherent: true',
      'suppliers: [nothing]',
      19,
      19,
      'no device "nothing"',
      'list it in machine.devices',
    ],
    [
      'no device of iommus',
      'dma_coherent: true',
      'iommus: [{ iommu: x, ids: [] }]',
      19,
      25,
      'no device "x"',
      null,
    ],
    [
      'no device to boot',
      "device: '0000:01",
      "device: '0000:09",
      34,
      28,
      'machine.boot[2].device: ',
      'mean 0000:01:00.0?',
    ],
    [
      'no IOMMU to boot',
      "device: '0000:01:00.0'",
      'iommu: dmar0',
      34,
      27,
      'no device "dmar0"',
      null,
    ],
    ['no bus', ', bus: virtio,', ',', 28, 11, 'needs bus', null],
  ])('%s: says where and what', (_, from, to, line, column, message, hint) => {
    const error = errorOf(changed(from, to));
    expect(error).toMatchObject({ code: 'BAD_SCENARIO', file: 's.yaml', line, column });
    expect(error.message).toContain(message);
    if (hint !== null) expect(error.hint).toContain(hint);
  });

  it('show the line with a caret', () => {
    const error = errorOf(changed('is: none', 'si: none'));
    expect(renderError(error).split('\n')).toEqual([
      's.yaml:48:36: "si" is not known in expect[3].driver.',
      "    - driver: { dev: '0000:01:00.0', si: none }",
      '                                     ^',
      'hint: did you mean is?',
    ]);
  });

  it.each([
    ['', 'no content'],
    ['\n# only a comment\n', 'no content'],
    ['name: [', ''],
    ['name: "', ''],
    ['name:\n\t- a', 'spaces'],
    ['name: a\n---\nname: b', 'more than one'],
    ['name: !!int 3', ''],
    ['name: *nothing', ''],
    ['\u0000', ''],
  ])('%j is not a YAML scenario', (text, message) => {
    const error = errorOf(text);
    expect(error.code).toMatch(/^BAD_(?:YAML|SCENARIO)$/);
    expect(`${error.message} ${error.hint}`).toContain(message);
  });

  it('name all devices of a circle, at one that is in it', () => {
    const devices = [
      '{ name: tail, bus: a, parent: x }',
      '{ name: x, bus: a, parent: y }',
      '{ name: y, bus: a, parent: z, creates: [{ name: z, bus: a }] }',
    ];
    const text = `name: c\nkernel: '6.1'\nmachine: { devices: [\n  ${devices.join(',\n  ')}] }\n`;
    expect(errorOf(text)).toMatchObject({
      ...{ line: 6, column: 30 },
      message:
        'machine.devices[3] (y).parent: the parents go in a circle, "y" below "z" below "y".',
    });
    expect(() => parseScenario(text.replace('parent: z', "parent: ''"), 'c.yaml')).not.toThrow();
  });

  it('take no bus only where it is meant', () => {
    const root =
      "name: a\nkernel: '6.1'\nmachine: { devices: [{ name: 'pci0000:00', bus: '' }] }\n";
    expect(parseScenario(root, 'r.yaml').machine.devices[0]?.bus).toBe('');
    expect(errorOf(root.replace("bus: ''", 'bus:')).message).toContain('.bus is empty');
  });

  it('refuse another schema', () => {
    expect(errorOf(`schema: 2${EXAMPLE}`)).toMatchObject({ code: 'BAD_SCENARIO', line: 1 });
    expect(() => parseScenario(`schema: 1${EXAMPLE}`, 's.yaml', knowledge)).not.toThrow();
  });
});

describe('hostile text', () => {
  const laughs = Array.from({ length: 12 }, (_, i) => {
    const inner = i === 0 ? 'name: a, bus: b' : `name: a, bus: b, creates: [${'*a, '.repeat(9)}*a]`;
    return `    - &a { ${inner.replaceAll('*a', `*a${i - 1}`)} }`.replace('&a', `&a${i}`);
  });

  it.each([
    ['a billion laughs', `name: x\nkernel: '6.1'\nmachine:\n  devices:\n${laughs.join('\n')}`],
    [
      'itself inside',
      "name: x\nkernel: '6.1'\nmachine:\n  devices: &a [{ name: a, bus: b, creates: *a }]",
    ],
    ['a deep list', '['.repeat(1_000_000)],
    ['a deep map', '{a: '.repeat(500_000)],
    ['deep dashes', '- '.repeat(500_000)],
    ['deep blocks', Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['many keys', Array.from({ length: 200_000 }, (_, i) => `k${i}: v`).join('\n')],
    ['one long word', 'a'.repeat(4_000_000)],
    ['too long', ' '.repeat(5_000_000)],
    ['many anchors', `name: ${'&a '.repeat(100_000)}`],
    ['many documents', '---\n'.repeat(100_000)],
    ['many quotes', '"'.repeat(1_000_000)],
  ])('%s: is refused quickly', { timeout: 5_000 }, (_, text) => {
    expect(errorOf(text).code).toMatch(/^BAD_(?:YAML|SCENARIO)$/);
  });

  it('has names from Object.prototype', () => {
    const text = `
name: toString
kernel: { version: '6.1', config: { __proto__: y, constructor: n } }
machine:
  devices: [{ name: __proto__, bus: constructor }]
  drivers: [{ name: a, bus: b, outcomes: { __proto__: -EIO } }]
`;
    const { kernel, machine } = parseScenario(text, 's.yaml');
    expect(Object.entries(kernel.config)).toEqual([
      ['__proto__', 'y'],
      ['constructor', 'n'],
    ]);
    expect(machine.devices[0]?.name).toBe('__proto__');
    expect(Object.entries(machine.drivers[0]?.outcomes ?? {})).toEqual([['__proto__', [-5]]]);
    expect(errorOf('__proto__: x').message).toContain('"__proto__" is not known');
    expect(errorOf('toString: x').message).toContain('"toString" is not known');
  });

  it('of any kind gives a scenario or a ReprobeError', () => {
    const pieces = fc.constantFrom(
      ...EXAMPLE.split(/(?<=[\s:,{}[\]])/),
      ...['&a ', '*a ', '!x ', '? ', '| ', '> ', '"', "'", '\t', '#', '---\n', '\r', '\u0085'],
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (parts) => {
        errorOf(parts.join(''));
      }),
    );
  });

  it('that is the example with something cut out or put in gives no other error', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.constantFrom('\n', '- ', ': ', '*a', '{'),
    );
    fc.assert(
      fc.property(fc.nat(EXAMPLE.length), fc.nat(9), part, (at, cut, put) => {
        const text = EXAMPLE.slice(0, at) + put + EXAMPLE.slice(at + cut);
        try {
          parseScenario(text, 's.yaml', knowledge);
        } catch (error) {
          expect(error).toBeInstanceOf(ReprobeError);
          expect(error).toMatchObject({ file: 's.yaml', line: expect.any(Number) });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a machine file', () => {
  it('is a machine and perhaps a kernel', () => {
    const text = 'kernel: 6.1\nmachine: { drivers: [e1000e] }';
    const { machine, kernel } = parseMachine(text, 'm.yaml', knowledge);
    expect(machine.drivers).toEqual([E1000E]);
    expect(kernel?.version).toBe('6.1');
    expect(() => parseMachine('machine: { divers: [] }', 'm.yaml')).toThrow('"divers"');
  });
});
