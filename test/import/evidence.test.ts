// Files beside a log: what each makes known that the log does not say, and where it is in the way of the run.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldAll } from '../../src/engine/history.ts';
import { readEvidence } from '../../src/import/evidence-file.ts';
import { type Imported, importLog } from '../../src/import/import.ts';

const BOOT = `
[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.000000] Machine model: linux,dummy-virt
[    0.000000] Kernel command line: quiet
[    0.500000] arm-smmu-v3 9050000.smmuv3: ias 44-bit, oas 44-bit (features 0x00008305)
[    0.754974] pci-host-generic 4010000000.pcie: host bridge /pcie@10000000 ranges:
[    0.772357] pci-host-generic 4010000000.pcie: PCI host bridge to bus 0000:00
[    0.774332] pci 0000:00:02.0: [1b36:000c] type 01 class 0x060400
[    0.828391] pci 0000:02:00.0: [8086:10d3] type 00 class 0x020000
[    0.883272] pci 0000:00:02.0: PCI bridge to [bus 02]
[    0.990000] e1000e 0000:02:00.0: Adding to iommu group 0
[    0.995000] e1000e 0000:02:00.0: registered PHC clock
[    1.000000] pcieport 0000:00:02.0: Adding to iommu group 1
[    1.281647] Run /init as init process
[    9.000000] late line`;

const PCI = 'platform/4010000000.pcie/pci0000:00';
const HEAD = `# uptime 20.00 30.00
[devices]
platform/4010000000.pcie bus=platform driver=pci-host-generic iommu_group=-
${PCI} driver=- iommu_group=-
${PCI}/0000:00:02.0 bus=pci driver=pcieport iommu_group=1 id=0x1b36:0x000c
${PCI}/0000:00:02.0/0000:00:02.0:pcie004 bus=pci_express driver=pciehp iommu_group=-
${PCI}/0000:00:02.0/0000:00:02.0:pcie010 bus=pci_express driver=- iommu_group=-`;
const SMMU = `
platform/9050000.smmuv3 bus=platform driver=arm-smmu-v3 iommu_group=-
platform/9050000.smmuv3/iommu/smmu3.0x0000000009050000 bus=iommu driver=- iommu_group=-`;
const TAIL = `
[iommu_groups]
group 1 type=DMA devices=0000:00:02.0 reserved_regions=""
group 0 type=DMA devices=0000:02:00.0 reserved_regions=""
[class_iommu]
smmu3.0x0000000009050000 devices=0000:00:02.0,0000:02:00.0
[devices_deferred]
[devlink]
[modules]
[drivers]
`;
const nic = (driver: string, more = '') =>
  `\n${PCI}/0000:00:02.0/0000:02:00.0 bus=pci driver=${driver} iommu_group=0${more} id=0x8086:0x10d3`;
const LISTING = HEAD + nic('e1000e') + SMMU + TAIL;

const bytes = (text: string) => new TextEncoder().encode(text.trim());

function imported(log: string, ...files: readonly string[]): Imported {
  const evidence = files.map((text, i) => readEvidence(text, `file-${i}`));
  const nothing = { version: null, config: {}, patches: {}, machine: null };
  return importLog(bytes(log), { name: 'log', ...nothing, evidence });
}

const finalState = ({ trace }: Imported) => foldAll(trace.events);
const assumed = ({ trace }: Imported) =>
  trace.events.flatMap(({ event, origin }) =>
    event.type === 'task.started' && origin === 'assumed' ? [event.stimulus] : [],
  );

describe('a listing', () => {
  it('that says what the log says changes nothing but what the log leaves out', () => {
    const { evidence, divergences } = imported(BOOT, LISTING);
    expect(divergences).toEqual([]);
    expect(evidence).toEqual([
      {
        ...{ file: 'file-0', kind: 'sysfs', agreed: 14, differs: [], others: {} },
        said: { devices: 8, groups: 2, deferred: 0, modules: 0 },
        changed: { drivers: 1, devices: 1 },
      },
    ]);
  });

  it('makes devices known below what made them', () => {
    const service = finalState(imported(BOOT, LISTING)).devices['0000:00:02.0:pcie004'];
    expect(service).toMatchObject({ parent: '0000:00:02.0', driver: 'pciehp' });
    expect(finalState(imported(BOOT)).devices['0000:00:02.0:pcie004']).toBeUndefined();
  });

  it('tells IOMMUs, functions and groups of a log that has lost its head', () => {
    const tail = BOOT.split('\n').slice(-2).join('\n');
    const run = imported(tail, LISTING);
    expect(run.divergences).toEqual([]);
    const { devices, groups, iommus } = finalState(run);
    expect(Object.values(groups).map((group) => group.devices)).toEqual([
      ['0000:02:00.0'],
      ['0000:00:02.0'],
    ]);
    expect(devices['0000:02:00.0']?.driver).toBe('e1000e');
    expect(iommus.map(({ name }) => name)).toEqual(['9050000.smmuv3']);
    expect(Object.keys(finalState(imported(tail)).groups)).toEqual([]);
  });

  it('shows what somebody must have done', () => {
    const listing = HEAD + nic('vfio-pci', ' driver_override=vfio-pci') + SMMU + TAIL;
    const loaded = listing.replace(
      '[modules]',
      '[modules]\nvfio_pci 16384 0 - Live 0x0\nvfio_pci_core 53248 1 vfio_pci, Live 0x0\nvfio 36864 2 vfio_pci, Live 0x0',
    );
    const run = imported(BOOT, loaded);
    expect(run.divergences).toEqual([]);
    expect(finalState(run).devices['0000:02:00.0']?.driver).toBe('vfio-pci');
    expect(assumed(run)).toContainEqual({ do: 'modprobe', module: 'vfio_pci', params: '' });
    expect(assumed(run)).toContainEqual({
      ...{ do: 'driver_override', bus: 'pci', dev: '0000:02:00.0', drv: 'vfio-pci' },
    });
  });

  it('is of its moment: what the log shows later is done after it', () => {
    const unbind = `${BOOT}
[   25.000000] reprobe-action: 1: echo 0000:02:00.0 > /sys/bus/pci/drivers/e1000e/unbind`;
    const run = imported(unbind, LISTING);
    expect(run.divergences).toEqual([]);
    expect(finalState(run).devices['0000:02:00.0']?.driver).toBeNull();
    const later = LISTING.replace('uptime 20.00', 'uptime 26.00').replace(
      'driver=e1000e',
      'driver=-',
    );
    expect(imported(unbind, later).divergences).toEqual([]);
    expect(assumed(imported(unbind, later))).toEqual([]);
  });

  it('that says otherwise of a group contradicts the run, with its line', () => {
    const other = LISTING.replace('driver=e1000e iommu_group=0', 'driver=e1000e iommu_group=7');
    const [first] = imported(BOOT, other).divergences;
    expect(first).toMatchObject({
      expected: 'group of 0000:02:00.0: 0',
      observed: 'group of 0000:02:00.0: 7',
      evidence: { file: 'file-0', line: 8, about: 'group' },
    });
  });
});

describe('devices_deferred', () => {
  const WAITING = 'lcd\tpanel: cannot get clock\nsound\tplatform: supplier codec not ready\n';

  it('makes devices that wait, where the log is silent', () => {
    const run = imported(BOOT, WAITING);
    expect(run.divergences).toEqual([]);
    expect(run.waiting).toEqual([
      { dev: 'lcd', waitsFor: null, reason: 'panel: cannot get clock' },
      { dev: 'sound', waitsFor: 'codec', reason: expect.stringContaining('supplier codec') },
    ]);
    expect(run.evidence).toMatchObject([{ agreed: 2, changed: { deferrals: 2 } }]);
    expect(imported(BOOT).waiting).toEqual([]);
  });

  it('that lists nothing contradicts a run that ends waiting', () => {
    const pending = `${BOOT}\n[   12.000000] platform lcd: deferred probe pending`;
    expect(imported(pending, WAITING).divergences).toHaveLength(1);
    const [one] = imported(pending, '').divergences;
    expect(one).toMatchObject({
      expected: 'deferral of lcd: without a reason',
      observed: 'deferral of lcd: not listed',
      evidence: { file: 'file-0', line: null },
    });
  });
});

describe('a trace', () => {
  const at = (us: string, text: string, task = 'sh-9') =>
    `  ${task}  [000] .....  ${us}: ${text}\n`;

  it('puts into groups what the log has lost', () => {
    const cut = BOOT.split('\n')
      .filter((line) => !line.includes('e1000e 0000:02:00.0: Add'))
      .join('\n');
    const run = imported(
      cut,
      at('0.990001', 'add_device_to_group: IOMMU: groupID=0 device=0000:02:00.0') +
        at('1.000001', 'add_device_to_group: IOMMU: groupID=1 device=0000:00:02.0'),
    );
    expect(finalState(run).devices['0000:02:00.0']?.iommu_group).toBe(0);
    expect(finalState(imported(cut)).devices['0000:02:00.0']?.iommu_group).toBeNull();
    expect(run.evidence).toMatchObject([{ agreed: 1, changed: { observations: 1 } }]);
  });

  const probe = (us: number, ret: number) =>
    at(`${us}.100000`, 'really_probe: (really_probe+0x0/0x3f0) dev="0000:02:00.0" drv="e1000e"') +
    at(
      `${us}.200000`,
      `really_probe_ret: (__driver_probe_device+0x8c/0x190 <- really_probe) ret=${ret}`,
    );
  const actions = (...times: readonly number[]) =>
    times.map(
      (
        us,
        i,
      ) => `\n[   ${us}.000000] reprobe-action: ${2 * i}: echo 0000:02:00.0 > /sys/bus/pci/drivers/e1000e/unbind
[   ${us}.050000] reprobe-action: ${2 * i + 1}: echo 0000:02:00.0 > /sys/bus/pci/drivers/e1000e/bind`,
    );

  it('says what a driver returned, attempt by attempt, where no line does', () => {
    const log = BOOT + actions(10, 12, 14).join('');
    const run = imported(log, probe(10, 19) + probe(12, 0) + probe(14, 19));
    expect(finalState(run).devices['0000:02:00.0']?.driver).toBeNull();
    expect(run.divergences).toEqual([]);
    expect(run.evidence).toMatchObject([{ agreed: 3, said: { calls: 3 } }]);
    expect(finalState(imported(log)).devices['0000:02:00.0']?.driver).toBe('e1000e');
  });

  it('contradicts a run in which a call ends otherwise', () => {
    const log = BOOT + actions(10).join('');
    const [one] = imported(log, probe(10, -16)).divergences;
    expect(one).toMatchObject({
      expected: 'really_probe 0000:02:00.0 with e1000e returned 0',
      observed: 'really_probe 0000:02:00.0 with e1000e returned -16',
      evidence: { line: 1, about: 'result' },
    });
  });

  it('shows whose driver made a device', () => {
    const added = (us: string, dev: string) =>
      at(us, `device_add: (device_add+0x0/0x6c0) dev="${dev}"`);
    const log = `${BOOT}\n[   10.000000] platform fan.0: made\n[   10.000000] pwm-fan fan.0: ready`;
    const { trace } = imported(
      log,
      at('10.0', '').replace(
        '10.0: \n',
        '10.000000: really_probe: (really_probe+0x0/0x3f0) dev="0000:02:00.0" drv="e1000e"\n',
      ) +
        added('10.100000', 'fan.0') +
        probe(10, 0).split('\n')[1]?.concat('\n') +
        added('11.000000', 'led.0'),
    );
    const { devices } = trace.header.machine;
    const nicOf = devices.find(({ name }) => name === '0000:02:00.0');
    expect(nicOf?.creates?.map(({ name }) => name)).toEqual(['fan.0']);
    expect(devices.map(({ name }) => name)).not.toContain('fan.0');
  });

  it('tells of DMA that was refused, as a line of the log would', () => {
    const fault = at('15.0', '').replace(
      '15.0: \n',
      '15.000000: io_page_fault: IOMMU:e1000e 0000:02:00.0 iova=0x00000000dead0000 flags=0x0001\n',
    );
    const { faults, trace } = imported(BOOT, fault);
    expect(faults.map(({ dev, isReplayed }) => [dev, isReplayed])).toEqual([
      ['0000:02:00.0', true],
    ]);
    expect(trace.header.stimuli).toContainEqual({
      ...{ do: 'dma', dev: '0000:02:00.0', addr: 0xdead0000, write: true, cacheable: false },
    });
  });
});

describe('any files beside a log', () => {
  const name = fc.constantFrom(
    ...['a', 'b', '0000:00:02.0', '0000:02:00.0', '0000:00:02.0:pcie004', 'virtio0'],
    ...['4010000000.pcie', 'pci0000:00', '9050000.smmuv3'],
  );
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const bus = fc.constantFrom('pci', 'platform', 'virtio', 'pci_express', 'amba', 'iommu', 'net');
  const driver = fc.constantFrom(
    '-',
    'e1000e',
    'vfio-pci',
    'pcieport',
    'virtio-pci',
    'x',
    'arm-smmu-v3',
  );
  const device = fc
    .tuple(path, bus, driver, fc.constantFrom('-', '0', '1', '7'))
    .map((one) => `${one[0]} bus=${one[1]} driver=${one[2]} iommu_group=${one[3]}`);
  const link = fc
    .tuple(name, name)
    .map(
      ([a, b]) =>
        `platform:${a}--platform:${b} status="active" auto_remove_on="never" runtime_pm="0" sync_state_only="0"`,
    );
  const listing = fc
    .tuple(fc.nat(40), fc.array(device), fc.array(link), fc.array(name), fc.array(name))
    .map(
      ([uptime, devices, links, deferred, loaded]) => `# uptime ${uptime}.00 1.00
[devices]
${devices.join('\n')}
[class_iommu]
smmu3.0x0000000009050000 devices=${loaded.join(',')}
[devices_deferred]
${deferred.map((dev) => `${dev}\tx: supplier ${dev} not ready`).join('\n')}
[devlink]
${links.join('\n')}
[modules]
vfio_pci 1 0 - Live 0x0
`,
    );
  const event = fc
    .tuple(fc.nat(40), name, driver, fc.integer({ min: -600, max: 600 }), fc.nat(3))
    .map(([at, dev, drv, ret, group]) =>
      [
        ` sh-1 [000] ..... ${at}.000000: add_device_to_group: IOMMU: groupID=${group} device=${dev}`,
        ` sh-1 [000] ..... ${at}.000001: really_probe: (a+0x0/0x1) dev="${dev}" drv="${drv}"`,
        ` sh-1 [000] ..... ${at}.000002: really_probe_ret: (b <- a) ret=${ret}`,
      ].join('\n'),
    );
  const trace = fc.array(event, { minLength: 1 }).map((lines) => `${lines.join('\n')}\n`);

  it('can be laid beside it: the run goes on, and says what it makes of each', () => {
    const files = fc.array(fc.oneof(listing, trace), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(files, (given) => {
        const { evidence, divergences, trace: run } = imported(BOOT, ...given);
        expect(evidence).toHaveLength(given.length);
        for (const { agreed, differs } of evidence) {
          expect(agreed).toBeGreaterThanOrEqual(0);
          for (const one of differs) expect(divergences).toContain(one);
        }
        expect(run.events.length).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
  });
});
