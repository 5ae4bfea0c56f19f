/** What Qualcomm's SMMUs do differently. Kernel: drivers/iommu/arm/arm-smmu/arm-smmu-qcom.c, v6.1. */
import type { SmmuEntry } from '../../events/iommu-events.ts';
import type { DeviceSpec } from '../../events/machine.ts';
import type { DomainType } from '../../events/terms.ts';
import type { Kernel } from '../context.ts';
import { deviceOf } from '../lookup.ts';

/** A device with the ids under which it speaks to the SMMU. */
export interface LiveMaster {
  readonly spec: DeviceSpec;
  readonly ids: readonly number[];
}

/** SMMUs with an implementation of Qualcomm's. Kernel: qcom_smmu_impl_of_match, v6.1 and v6.12. */
const QCOM_SMMUS: ReadonlySet<string> = new Set(
  [
    ...['msm8996-smmu-v2', 'msm8998-smmu-v2', 'qcm2290-smmu-500', 'qdu1000-smmu-500'],
    ...['sc7180-smmu-500', 'sc7180-smmu-v2', 'sc7280-smmu-500', 'sc8180x-smmu-500'],
    ...['sc8280xp-smmu-500', 'sdm630-smmu-v2', 'sdm670-smmu-v2', 'sdm845-smmu-v2'],
    ...['sdm845-smmu-500', 'sm6115-smmu-500', 'sm6125-smmu-500', 'sm6350-smmu-v2'],
    ...['sm6350-smmu-500', 'sm6375-smmu-v2', 'sm6375-smmu-500', 'sm7150-smmu-v2'],
    ...['sm8150-smmu-500', 'sm8250-smmu-500', 'sm8350-smmu-500', 'sm8450-smmu-500', 'smmu-500'],
  ].map((name) => `qcom,${name}`),
);

/**
 * Which of Qualcomm's implementations drives the SMMU; null for none. That of a graphics unit comes first.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu-qcom.c:qcom_smmu_impl_init, v6.1.
 * Leaves out: ACPI; that a kernel does not know SMMUs that came after it.
 */
function qcom_smmu_impl_init(k: Kernel, iommu: string): 'qcom' | 'adreno' | null {
  const ids = k.machine.devices.find(({ name }) => name === iommu)?.ids ?? [];
  if (ids.includes('qcom,adreno-smmu')) return 'adreno';
  return ids.some((id) => QCOM_SMMUS.has(id)) ? 'qcom' : null;
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
  const readsBack = k.has('qcom_readback') && qcom_smmu_impl_init(k, iommu) === 'qcom';
  if (drv !== 'arm-smmu' || !(inherits || readsBack)) return [];
  return masters.flatMap(({ spec, ids }) => {
    if (spec.boot_mapping === undefined || spec.boot_mapping === 'none') return [];
    const does = inherits && spec.boot_mapping === 'translate' ? 'boot' : 'bypass';
    return ids.map((id) => ({ id, mask: 0, does, context: null, count: 0 }) as const);
  });
}

/**
 * Compatible strings whose devices run before their driver does, and bypass.
 * Kernel: qcom_smmu_client_of_match, v6.1 and v6.12.
 */
const QCOM_CLIENTS: ReadonlySet<string> = new Set(
  [
    ...['adreno', 'adreno-gmu', 'mdp4', 'mdss', 'qcm2290-mdss', 'sc7180-mdss', 'sc7180-mss-pil'],
    ...['sc7280-mdss', 'sc7280-mss-pil', 'sc8180x-mdss', 'sc8280xp-mdss', 'sdm670-mdss'],
    ...['sdm845-mdss', 'sdm845-mss-pil', 'sm6115-mdss', 'sm6350-mdss', 'sm6375-mdss'],
    ...['sm8150-mdss', 'sm8250-mdss', 'sm8450-mdss', 'x1e80100-mdss'],
  ].map((name) => `qcom,${name}`),
);

/**
 * The type of domain that one of Qualcomm's SMMUs demands for a device; null for none.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu-qcom.c:qcom_smmu_def_domain_type, v6.1.
 * Leaves out: that a kernel does not know devices that came after it.
 */
export function qcom_smmu_def_domain_type(k: Kernel, dev: string): DomainType | null {
  const { iommu, spec } = deviceOf(k, dev);
  if (!k.has('qcom_def_identity') || iommu === null) return null;
  if (qcom_smmu_impl_init(k, iommu) === null) return null;
  return spec.ids.some((id) => QCOM_CLIENTS.has(id)) ? 'identity' : null;
}
