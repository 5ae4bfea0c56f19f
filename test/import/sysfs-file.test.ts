import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../src/error.ts';
import { parseSysfs } from '../../src/import/sysfs-file.ts';

const SNAPSHOT = `# uptime 2.86 2.93
[devices]
platform driver=- iommu_group=-
platform/4010000000.pcie bus=platform driver=pci-host-generic iommu_group=-
platform/4010000000.pcie/pci0000:00 driver=- iommu_group=-
platform/4010000000.pcie/pci0000:00/0000:00:02.0 bus=pci driver=pcieport iommu_group=5 rpm=active id=0x1b36:0x000c
platform/4010000000.pcie/pci0000:00/0000:00:02.0/0000:02:00.0 bus=pci driver=vfio-pci iommu_group=0 driver_override=vfio-pci rpm=suspended id=0x1b36:0x0010
platform/timer bus=platform driver=- iommu_group=- waiting_for_supplier=0
pnp0/00:00 bus=pnp driver=i8042 kbd iommu_group=-
[iommu_groups]
group 0 type=DMA devices=0000:02:00.0 reserved_regions="0x0000000008000000 0x00000000080fffff msi"
group 1 type=unknown name=vfio-noiommu devices=0000:01:00.0 reserved_regions=""
[class_iommu]
smmu3.0x0000000009050000 devices=0000:00:02.0,0000:02:00.0
[devices_deferred]
dev-reg\tplatform: supplier lab-regulator not ready
dev-iommu\t
[devlink]
platform:lab-regulator--platform:dev-reg status="dormant" auto_remove_on="never" runtime_pm="0" sync_state_only="0"
[modules]
vfio 36864 2 vfio_pci,vfio_iommu_type1, Live 0xffff80000047a000
[drivers]
pci: e1000 pcieport
platform: ARM-CCI ARM-CCI PMU Hisilicon MBIGEN-V2 arm-smmu
amba:
[/dev/vfio]
0
vfio
[/sys/kernel/debug/iommu]
whatever stands here
`;

describe('a snapshot', () => {
  const snapshot = parseSysfs(SNAPSHOT);
  it('lists devices with the nearest one above that is on a bus', () => {
    expect(snapshot.uptimeUs).toBe(2_860_000);
    expect(snapshot.devices.map(({ name, parent, bus }) => [name, parent, bus])).toEqual([
      ['platform', null, null],
      ['4010000000.pcie', null, 'platform'],
      ['pci0000:00', '4010000000.pcie', null],
      ['0000:00:02.0', '4010000000.pcie', 'pci'],
      ['0000:02:00.0', '0000:00:02.0', 'pci'],
      ['timer', null, 'platform'],
      ['00:00', null, 'pnp'],
    ]);
    expect(snapshot.devices[4]).toMatchObject({
      driver: 'vfio-pci',
      driver_override: 'vfio-pci',
      iommu_group: 0,
      id: '0x1b36:0x0010',
    });
    expect(snapshot.devices[6]?.driver).toBe('i8042 kbd');
  });

  it('lists groups, links, deferrals, modules and what VFIO offers', () => {
    expect(snapshot.groups.map(({ id, name, type }) => [id, name, type])).toEqual([
      [0, null, 'DMA'],
      [1, 'vfio-noiommu', 'unknown'],
    ]);
    expect(snapshot.devices_deferred).toEqual([
      { dev: 'dev-reg', reason: 'platform: supplier lab-regulator not ready', line: 16 },
      { dev: 'dev-iommu', reason: null, line: 17 },
    ]);
    expect(snapshot.devlinks).toMatchObject([{ supplier: 'lab-regulator', consumer: 'dev-reg' }]);
    expect(snapshot.modules).toEqual([
      { name: 'vfio', refs: 2, usedBy: ['vfio_pci', 'vfio_iommu_type1'], state: 'Live', line: 21 },
    ]);
    expect(snapshot.devVfio).toEqual(['0', 'vfio']);
  });

  it('knows driver names that hold a blank', () => {
    expect(snapshot.drivers['platform']).toEqual([
      'ARM-CCI',
      'ARM-CCI PMU',
      'Hisilicon MBIGEN-V2',
      'arm-smmu',
    ]);
    expect(snapshot.drivers['amba']).toEqual([]);
  });

  it('refuses a line that is not of its section', () => {
    const broken = SNAPSHOT.replace('group 0', 'gruop 0');
    expect(() => parseSysfs(broken, 'sysfs-1.txt')).toThrow(
      expect.objectContaining({ code: 'BAD_SESSION', file: 'sysfs-1.txt', line: 11, column: 1 }),
    );
  });
});

it('reads any text or says why not', () => {
  const line = fc.oneof(fc.constantFrom(...SNAPSHOT.split('\n')), fc.string());
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      try {
        parseSysfs(lines.join('\n'));
      } catch (error) {
        expect(error).toBeInstanceOf(ReprobeError);
      }
    }),
  );
});
