/** What an SMMU v1 or v2 can do. Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c, v6.1 unless said. */
import type { DeviceSpec } from '../../events/machine.ts';
import type { Kernel } from '../context.ts';
import { ENODEV } from '../errno.ts';
import {
  addressBits,
  coherentByRegister,
  FEAT_V2,
  featuresOfV2,
  pageSizes,
  type SmmuFeatures,
  smmuVersion,
} from '../hardware/smmu-registers.ts';
import { deviceOf } from '../lookup.ts';
import { type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { ownParam } from './params.ts';

/**
 * Reads the id registers of an SMMU and says what they mean. Firmware decides whether its table walks
 * are coherent, whatever the register says; two zeros are passed over in silence, right or wrong.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_device_cfg_probe, v6.1.
 * Leaves out: the size of the register space, limits of single implementations; all of it where the
 * machine does not tell its registers.
 *
 * @returns 0, or -ENODEV for an SMMU that cannot be driven.
 */
export const arm_smmu_device_cfg_probe = path(
  'arm_smmu_device_cfg_probe',
  function* (k, dev: string): Path<number> {
    const { spec } = deviceOf(k, dev);
    if (spec.registers === undefined) return 0;
    const found = featuresOfV2(spec, Number(ownParam(k, dev, 'force_stage') ?? 0));
    yield dev_printk(k, 'notice', dev, 'probing hardware configuration...');
    yield dev_printk(k, 'notice', dev, `SMMUv${smmuVersion(spec) === 'v2' ? 2 : 1} with:`);
    const refused = yield* sayStreams(k, dev, spec, found);
    if (refused !== null) {
      yield dev_printk(k, 'err', dev, refused);
      return -ENODEV;
    }
    const { contexts, s2_contexts, features } = found;
    if (s2_contexts > contexts) {
      yield dev_printk(k, 'err', dev, 'impossible number of S2 context banks!');
      return -ENODEV;
    }
    yield dev_printk(k, 'notice', dev, `\t${contexts} context banks (${s2_contexts} stage-2 only)`);
    yield* sayAddresses(k, dev, spec, features);
    yield { type: 'smmu.features', iommu: dev, ...found };
    return 0;
  },
);

/** What ID0 says: the stages, coherency, the streams. Returns why it is not enough, or null. */
function* sayStreams(
  k: Kernel,
  dev: string,
  spec: DeviceSpec,
  { features, groups }: SmmuFeatures,
): Path<string | null> {
  const has = (feature: number): boolean => (features & feature) !== 0;
  if (has(FEAT_V2.TRANS_S1)) yield dev_printk(k, 'notice', dev, '\tstage 1 translation');
  if (has(FEAT_V2.TRANS_S2)) yield dev_printk(k, 'notice', dev, '\tstage 2 translation');
  if (has(FEAT_V2.TRANS_NESTED)) yield dev_printk(k, 'notice', dev, '\tnested translation');
  if (!has(FEAT_V2.TRANS_S1 | FEAT_V2.TRANS_S2)) return '\tno translation support!';
  if (has(FEAT_V2.TRANS_OPS)) yield dev_printk(k, 'notice', dev, '\taddress translation ops');
  const firmware = has(FEAT_V2.COHERENT_WALK);
  const register = coherentByRegister(spec) === true;
  const walk = `${firmware ? '' : 'non-'}coherent table walk`;
  if (firmware || register) yield dev_printk(k, 'notice', dev, `\t${walk}`);
  if (firmware !== register)
    yield dev_printk(k, 'notice', dev, '\t(IDR0.CTTW overridden by FW configuration)');
  if (!has(FEAT_V2.STREAM_MATCH)) return null;
  if (groups === 0) return 'stream-matching supported, but no SMRs present!';
  yield dev_printk(k, 'notice', dev, `\tstream matching with ${groups} register groups`);
  return null;
}

/** What ID2 says: page sizes and address sizes. */
function* sayAddresses(k: Kernel, dev: string, spec: DeviceSpec, features: number): Path<void> {
  const { va, ipa, pa } = addressBits(spec);
  const sizes = pageSizes(features).toString(16).padStart(8, '0');
  yield dev_printk(k, 'notice', dev, `\tSupported page sizes: 0x${sizes}`);
  if ((features & FEAT_V2.TRANS_S1) !== 0)
    yield dev_printk(k, 'notice', dev, `\tStage-1: ${va}-bit VA -> ${ipa}-bit IPA`);
  if ((features & FEAT_V2.TRANS_S2) !== 0)
    yield dev_printk(k, 'notice', dev, `\tStage-2: ${ipa}-bit IPA -> ${pa}-bit PA`);
}

/**
 * Each context bank of v2 wants an interrupt of its own; more than there are banks are left aside.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_device_probe, v6.1.
 * Leaves out: SMMUs of which the machine does not tell the interrupts.
 *
 * @returns 0, or -ENODEV with a line.
 */
export function* checkContextIrqs(k: Kernel, dev: string): Path<number> {
  const { context_irqs: irqs, ...spec } = deviceOf(k, dev).spec;
  const features = k.state.smmus[dev]?.features;
  if (irqs === undefined || features == null || smmuVersion(spec) !== 'v2') return 0;
  if (features.contexts <= irqs) return 0;
  const text = `found only ${irqs} context irq(s) but ${features.contexts} required`;
  yield dev_printk(k, 'err', dev, text);
  return -ENODEV;
}
