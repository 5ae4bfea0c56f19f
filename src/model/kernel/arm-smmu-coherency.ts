/**
 * Whether an SMMU's own walks of page tables are coherent: firmware decides, whatever its id register
 * says. Kernel: drivers/iommu/arm/arm-smmu and arm-smmu-v3, v6.1.
 */
import type { Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import type { Path } from '../path.ts';
import { dev_printk } from '../printk.ts';

/**
 * Says what firmware decides, where either it or the id register speaks of coherence: two zeros are
 * passed over in silence, right or wrong.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_device_cfg_probe,
 * drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_device_hw_probe, v6.1.
 * Leaves out: everything else in the id registers; all of it where the machine does not tell them.
 */
export function* probeCoherency(k: Kernel, dev: string): Path<void> {
  const { iommu_kind, dma_coherent, id_coherent: register } = deviceOf(k, dev).spec;
  const firmware = dma_coherent === true;
  if (register === undefined) return;
  const differ = firmware !== register;
  if (iommu_kind === 'arm-smmu-v3') {
    const text = `IDR0.COHACC overridden by FW configuration (${firmware})`;
    if (differ) yield dev_printk(k, 'warn', dev, text);
    return;
  }
  if (!firmware && !register) return;
  yield dev_printk(k, 'notice', dev, `\t${firmware ? '' : 'non-'}coherent table walk`);
  if (differ) yield dev_printk(k, 'notice', dev, '\t(IDR0.CTTW overridden by FW configuration)');
}
