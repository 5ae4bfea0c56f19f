/** What Qualcomm's SMMUs do differently. Kernel: drivers/iommu/arm/arm-smmu/arm-smmu-qcom.c, v6.1. */
import type { SmmuEntry } from '../../events/iommu-events.ts';
import type { DomainType } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';
import type { LiveMaster } from './arm-smmu-reset.ts';

function isQcom(k: Kernel, iommu: string): boolean {
  const spec = k.machine.devices.find((device) => device.name === iommu);
  return spec?.ids.some((id) => id.startsWith('qcom,')) ?? false;
}

/**
 * Entries of the boot loader that the driver keeps: as they are, or as bypass.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu-qcom.c:qcom_smmu_cfg_probe, v6.1, for qcom_readback.
 * Leaves out: firmware that makes a bypass a fault.
 */
export function keptStreams(
  k: Kernel,
  iommu: string,
  drv: string,
  masters: readonly LiveMaster[],
): readonly Omit<SmmuEntry, 'index'>[] {
  const inherits = k.has('smmu_inherit_hw');
  if (drv !== 'arm-smmu' || !(inherits || (k.has('qcom_readback') && isQcom(k, iommu)))) return [];
  return masters.flatMap(({ spec, ids }) => {
    if (spec.boot_mapping === undefined || spec.boot_mapping === 'none') return [];
    const does = inherits && spec.boot_mapping === 'translate' ? 'boot' : 'bypass';
    return ids.map((id) => ({ id, mask: 0, does, context: null, count: 0 }) as const);
  });
}

/** Compatible strings whose devices run before their driver does, and bypass. */
const QCOM_CLIENTS: readonly string[] = [
  ...['qcom,adreno', 'qcom,adreno-gmu', 'qcom,mdp4', 'qcom,mdss', 'qcom,sc7180-mdss'],
  ...['qcom,sc7180-mss-pil', 'qcom,sdm845-mdss', 'qcom,sdm845-mss-pil', 'qcom,sm8250-mdss'],
];

/**
 * The type of domain that one of Qualcomm's SMMUs demands for a device; null for none.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu-qcom.c:qcom_smmu_def_domain_type, v6.1.
 * Leaves out: nothing.
 */
export function qcom_smmu_def_domain_type(k: Kernel, dev: string): DomainType | null {
  const { iommu, spec } = deviceOf(k, dev);
  if (!k.has('qcom_def_identity') || iommu === null || !isQcom(k, iommu)) return null;
  return spec.ids.some((id) => QCOM_CLIENTS.includes(id)) ? 'identity' : null;
}
