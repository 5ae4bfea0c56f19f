// Tests that the emulator says, word for word and in this order, what people showed of their logs when
// they reported or discussed a problem. Lines that their own debugging printed are left out.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const LOGS: Readonly<Record<string, readonly string[]>> = {
  // Vladimir Oltean, December 2022: LS1028A and LS1088A.
  'vfio-refuses-a-coherent-nic': [
    'arm-smmu 5000000.iommu: probing hardware configuration...',
    'arm-smmu 5000000.iommu: SMMUv2 with:',
    'arm-smmu 5000000.iommu: \tstage 1 translation',
    'arm-smmu 5000000.iommu: \tstage 2 translation',
    'arm-smmu 5000000.iommu: \tnested translation',
    'arm-smmu 5000000.iommu: \tstream matching with 128 register groups',
    'arm-smmu 5000000.iommu: \t64 context banks (0 stage-2 only)',
    'arm-smmu 5000000.iommu: \tSupported page sizes: 0x61311000',
    'arm-smmu 5000000.iommu: \tStage-1: 48-bit VA -> 48-bit IPA',
    'arm-smmu 5000000.iommu: \tStage-2: 48-bit IPA -> 48-bit PA',
    'arm-smmu 5000000.iommu: \tpreserved 0 boot mappings',
    'vfio-pci: probe of 0000:00:00.0 failed with error -22',
  ],
  // The same board with `dma-coherent` in the node of the SMMU, as the patch has it.
  'firmware-overrides-the-register-of-the-smmu': [
    'arm-smmu 5000000.iommu: \tnested translation',
    'arm-smmu 5000000.iommu: \tcoherent table walk',
    'arm-smmu 5000000.iommu: \t(IDR0.CTTW overridden by FW configuration)',
    'arm-smmu 5000000.iommu: \tstream matching with 128 register groups',
  ],
  // Robin Murphy, December 2022: another MMU-500, described by ACPI.
  'smmu-of-acpi-with-stage-2-alone': [
    'arm-smmu arm-smmu.0.auto: probing hardware configuration...',
    'arm-smmu arm-smmu.0.auto: SMMUv2 with:',
    'arm-smmu arm-smmu.0.auto: \tstage 2 translation',
    'arm-smmu arm-smmu.0.auto: \tcoherent table walk',
    'arm-smmu arm-smmu.0.auto: \tstream matching with 128 register groups',
    'arm-smmu arm-smmu.0.auto: \t128 context banks (128 stage-2 only)',
    'arm-smmu arm-smmu.0.auto: \tSupported page sizes: 0x60211000',
    'arm-smmu arm-smmu.0.auto: \tStage-2: 48-bit IPA -> 48-bit PA',
  ],
  // Jean-Philippe Brucker, November 2019: modprobe, rmmod and modprobe of virtio-iommu.
  'virtio-iommu-is-loaded-a-second-time': [
    'virtio_iommu virtio0: input address: 64 bits',
    'virtio_iommu virtio0: page mask: 0xfffffffffffff000',
    'virtio-pci 0000:00:03.0: Adding to iommu group 0',
    'e1000e 0000:00:02.0: Adding to iommu group 1',
    'pci 0000:00:02.0: Removing from iommu group 1',
    'pci 0000:00:03.0: Removing from iommu group 0',
    'virtio_iommu virtio0: device removed',
    'virtio_iommu virtio0: input address: 64 bits',
    'virtio_iommu virtio0: page mask: 0xfffffffffffff000',
    'virtio-pci 0000:00:03.0: Adding to iommu group 0',
    'e1000e 0000:00:02.0: Adding to iommu group 1',
  ],
};

it.each(Object.entries(LOGS))('%s prints what was published', (scenario, lines) => {
  const golden = readFileSync(`scenarios/golden/${scenario}.dmesg.txt`, 'utf8').split('\n');
  const said = golden.filter((line) => lines.includes(line));
  expect(said).toEqual(lines);
});
