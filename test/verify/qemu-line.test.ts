// The emulator's command line as an input: which IOMMUs of a machine are known by it.
import { describe, expect, it } from 'vitest';
import type { DeviceSpec } from '../../src/events/machine.ts';
import type { Dmar } from '../../src/model/firmware/dmar.ts';
import { withQemuUnits } from '../../src/verify/qemu-line.ts';

const line = (...devices: readonly string[]) =>
  [
    '# QEMU QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)',
    'qemu-system-x86_64 \\',
    ...devices.flatMap((device) => ['  -device \\', `  ${device} \\`]),
    "  -append \\\n  'console=ttyS0 intel_iommu=on'",
    '',
    '# kernel command line (as passed)',
    'console=ttyS0 -device intel-iommu',
  ].join('\n');

const UNIT: DeviceSpec = { name: 'dmar0', bus: '', parent: null, ids: [], iommu_kind: 'intel' };
const DMAR: Dmar = {
  maker: 'BOCHS ',
  intr_remap: true,
  table: { width: 39, atsr: [1] },
  units: [{ base: '0xfed90000', include_all: false }],
  devices: [UNIT],
  iommu_map: [],
};
const VIOMMU: DeviceSpec = {
  name: '0000:00:08.0',
  bus: 'pci',
  parent: null,
  ids: [],
  creates: [{ name: 'virtio%d', bus: 'virtio', parent: null, ids: [], iommu_kind: 'virtio-iommu' }],
};
const vtdOf = (cmdline: string | null) => withQemuUnits([UNIT], cmdline, DMAR)[0]?.vtd;

describe('withQemuUnits', () => {
  it('makes the registers of a VT-d unit of its options and DMAR', () => {
    const own = line('nvme', 'intel-iommu,intremap=on,caching-mode=on,device-iotlb=on');
    expect(vtdOf(own)).toMatchObject({ cap: '0xd2008c22260286', ecap: '0xf00f4e' });
    expect(vtdOf(line('intel-iommu'))?.cap).toBe('0xd2008c22260206');
  });

  it('leaves alone what it does not know', () => {
    const own = line('intel-iommu');
    expect(vtdOf(null)).toBeUndefined();
    expect(vtdOf(line('nvme'))).toBeUndefined();
    expect(vtdOf(line('intel-iommu,x-scalable-mode=on'))).toBeUndefined();
    expect(vtdOf(own.replace('7.2.22', '9.2.0'))).toBeUndefined();
    expect(vtdOf(own.replace('  -append', '  -accel kvm \\\n  -append'))).toBeUndefined();
    expect(withQemuUnits([UNIT], own, null)).toEqual([UNIT]);
  });

  it('knows a virtio-iommu by the function that makes it', () => {
    const [, viommu] = withQemuUnits(
      [UNIT, VIOMMU],
      line('virtio-iommu-pci,addr=8,bus=pcie.0'),
      null,
    );
    expect(viommu?.viommu).toEqual({
      input_bits: 64,
      page_size_mask: '0xfffffffffffff000',
      bypass: true,
      msi: { base: '0x8090000', end: '0x809ffff' },
    });
    expect(withQemuUnits([VIOMMU], line('nvme'), null)).toEqual([VIOMMU]);
  });
});
