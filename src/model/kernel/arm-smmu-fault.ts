/**
 * What the interrupt handlers of SMMUs say.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c, ../arm-smmu-v3/arm-smmu-v3.c, v6.1 unless said.
 */
import type { DmaFault, Kernel } from '../context.ts';
import { entryOf, reportsBadStream } from '../hardware/streams.ts';
import type { Path } from '../path.ts';
import { dev_printk } from '../printk.ts';

const hex = (value: number, digits = 1): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** sGFSR: an unidentified stream, or one whose entry refuses it. */
const GFSR = { stream: 1 << 1, entry: 1 << 0 } as const;
/** sGFSYNR0.WNR: it was a write. */
const GFSYNR0_WNR = 1 << 1;

/**
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_global_fault, v6.1.
 * Leaves out: several faults at once, the limit on the rate of lines.
 */
function* arm_smmu_global_fault(
  k: Kernel,
  iommu: string,
  id: number,
  why: keyof typeof GFSR,
  write: boolean,
): Path<void> {
  const hint = 'boot with "arm-smmu.disable_bypass=0" to allow';
  const isUnknown = why === 'stream' && k.has('disable_bypass_default');
  const text = isUnknown
    ? `Blocked unknown Stream ID ${hex(id)}; ${hint}, but this may have security implications`
    : 'Unexpected global fault, this could be serious';
  yield dev_printk(k, 'err', iommu, text);
  const registers = [GFSR[why], write ? GFSYNR0_WNR : 0, id, 0].map((value) => hex(value, 8));
  const [gfsr, syn0, syn1, syn2] = registers;
  const values = `GFSR ${gfsr}, GFSYNR0 ${syn0}, GFSYNR1 ${syn1}, GFSYNR2 ${syn2}`;
  yield dev_printk(k, 'err', iommu, `\t${values}`);
}

/** CB_FSR: a context of 64-bit tables; no mapping, or one that does not allow it. */
const FSR = { translation: 0x402, permission: 0x408 } as const;
/** CB_FSYNR0.WNR: it was a write. */
const FSYNR0_WNR = 1 << 4;

/**
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c:arm_smmu_context_fault, v6.1; since v6.12 two more
 * lines spell the registers out.
 * Leaves out: at which level of the tables the walk ended, tables of 32 bits.
 */
function* arm_smmu_context_fault(k: Kernel, fault: DmaFault): Path<void> {
  const { iommu, id, addr, write, why } = fault;
  const cb = entryOf(k, iommu, id)?.context ?? 0;
  const fsr = why === 'permission' ? FSR.permission : FSR.translation;
  const fsynr = write ? FSYNR0_WNR : 0;
  const stream = k.has('smmu_fault_stream') ? `, cbfrsynra=${hex(id)}` : '';
  const registers = `fsr=${hex(fsr)}, iova=${hex(addr, 8)}, fsynr=${hex(fsynr)}${stream}`;
  yield dev_printk(k, 'err', iommu, `Unhandled context fault: ${registers}, cb=${cb}`);
  if (!k.has('smmu_fault_decoded')) return;
  const flag = why === 'permission' ? 'PF' : 'TF';
  const bits = `${fsr.toString(16).padStart(8, '0')} [Format=2 ${flag}]`;
  yield dev_printk(k, 'err', iommu, `FSR    = ${bits}, SID=${hex(id)}`);
  const syn = `${fsynr.toString(16).padStart(8, '0')} [S1CBNDX=0${write ? ' WNR' : ''} PLVL=0]`;
  yield dev_printk(k, 'err', iommu, `FSYNR0 = ${syn}`);
}

/**
 * What the driver of an SMMU v1 or v2 says of a fault.
 *
 * Kernel: drivers/iommu/arm/arm-smmu/arm-smmu.c, the two handlers, v6.1.
 * Leaves out: handlers of single implementations.
 */
export function* reportFault(k: Kernel, fault: DmaFault): Path<void> {
  const { iommu, id, write, why } = fault;
  if (why === 'stream' || why === 'entry') yield* arm_smmu_global_fault(k, iommu, id, why, write);
  else yield* arm_smmu_context_fault(k, fault);
}

/** Numbers of events. Source: Arm SMMU architecture, version 3, 7.3. */
const C_BAD_STREAMID = 0x02;
const F_TRANSLATION = 0x10;
const F_PERMISSION = 0x13;
/** What a record has of the access; one of a stream that is not known has nothing. */
type Access = Pick<DmaFault, 'addr' | 'write'>;
/** The second double word of an event: it was a read. */
const EVTQ_1_READ = 0x8;

/**
 * One record of the event queue: as it is, and with smmu_v3_events_decoded in words after that.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_evtq_thread and arm_smmu_handle_evt,
 * v6.1; arm_smmu_dump_raw_event, v6.15.
 * Leaves out: records of other events, the limit on the rate of lines.
 */
function* arm_smmu_evtq_thread(
  k: Kernel,
  iommu: string,
  event: number,
  id: number,
  access?: Access,
): Path<void> {
  const isDecoded = k.has('smmu_v3_events_decoded');
  const level = isDecoded ? 'err' : 'info';
  yield dev_printk(k, level, iommu, `event ${hex(event, 2)} received:`);
  const words = [
    `${id.toString(16).padStart(8, '0')}${event.toString(16).padStart(8, '0')}`,
    access === undefined || access.write ? '0' : `${EVTQ_1_READ}${'0'.repeat(8)}`,
    access?.addr.toString(16) ?? '0',
    '0',
  ];
  for (const word of words) yield dev_printk(k, level, iommu, `\t0x${word.padStart(16, '0')}`);
  if (isDecoded) yield* arm_smmu_dump_event(k, iommu, event, id, access);
}

const EVENT_NAMES: Readonly<Record<number, string>> = {
  [C_BAD_STREAMID]: 'C_BAD_STREAMID',
  [F_TRANSLATION]: 'F_TRANSLATION',
  [F_PERMISSION]: 'F_PERMISSION',
};

/**
 * The same in words.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_dump_event after
 * arm_smmu_dump_raw_event, v6.15.
 * Leaves out: the class of an access, tables' own addresses, stalls.
 */
function* arm_smmu_dump_event(
  k: Kernel,
  iommu: string,
  event: number,
  id: number,
  access?: Access,
): Path<void> {
  const name = EVENT_NAMES[event] ?? 'UNKNOWN';
  const master = Object.values(k.state.devices).find(
    (device) => device.iommu === iommu && device.fwspec?.ids.includes(id) === true,
  );
  const client = master?.name ?? '(unassigned sid)';
  const stream = `event: ${name} client: ${client} sid: ${hex(id)} ssid: 0x0`;
  if (access === undefined) {
    yield dev_printk(k, 'err', iommu, stream);
    return;
  }
  yield dev_printk(k, 'err', iommu, `${stream} iova: ${hex(access.addr)} ipa: 0x0`);
  const how = `unpriv data ${access.write ? 'write' : 'read'} s1 "Input address caused fault"`;
  yield dev_printk(k, 'err', iommu, `${how} stag: 0x0`);
}

/**
 * What the driver of an SMMU v3 says of a fault: of an entry that aborts, nothing.
 *
 * Kernel: drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c:arm_smmu_evtq_thread, v6.1.
 * Leaves out: events of the SMMU itself.
 */
export function* reportFaultV3(k: Kernel, { iommu, id, addr, write, why }: DmaFault): Path<void> {
  if (why === 'entry') return;
  if (why === 'stream') {
    if (reportsBadStream(k, iommu, id)) yield* arm_smmu_evtq_thread(k, iommu, C_BAD_STREAMID, id);
    return;
  }
  const event = why === 'permission' ? F_PERMISSION : F_TRANSLATION;
  yield* arm_smmu_evtq_thread(k, iommu, event, id, { addr, write });
}
