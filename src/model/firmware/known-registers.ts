/**
 * The id registers of SMMUs that firmware's tables do not tell, on boards where they are known.
 *
 * Source: for QEMU, hw/arm/smmuv3.c:smmuv3_init_id_regs, v7.2 to v9; for NXP's, the register and the
 * log that the boards' users published on the iommu list in December 2022.
 */
import type { DeviceSpec, SmmuRegisters } from '../../events/machine.ts';

/** Stage 1 with 44 bits, two-level tables, coherent; queues of 2^19 entries. */
export const QEMU_SMMU_V3: SmmuRegisters = {
  IDR0: 0x0d40101a,
  IDR1: 0x02730010,
  IDR3: 0x00000404,
  IDR5: 0x00000074,
};

/** An MMU-500 whose IDR0.CTTW was tied off. */
const NXP_MMU_500: SmmuRegisters = { ID0: 0x7c013e80, ID1: 0xd0000040, ID2: 0x5555 };

const BOARDS: readonly {
  /** A compatible string of the board, or what an ACPI table has for its maker. */
  readonly board: string;
  readonly kind: DeviceSpec['iommu_kind'];
  readonly registers: SmmuRegisters;
}[] = [
  { board: 'linux,dummy-virt', kind: 'arm-smmu-v3', registers: QEMU_SMMU_V3 },
  { board: 'BOCHS ', kind: 'arm-smmu-v3', registers: QEMU_SMMU_V3 },
  { board: 'fsl,ls1028a', kind: 'arm-smmu', registers: NXP_MMU_500 },
  { board: 'fsl,ls1088a', kind: 'arm-smmu', registers: NXP_MMU_500 },
];

/** The devices of a board, with the id registers of those of its SMMUs that are known. */
export function withKnownRegisters(
  devices: readonly DeviceSpec[],
  board: readonly string[],
): readonly DeviceSpec[] {
  const rows = BOARDS.filter((row) => board.includes(row.board));
  if (rows.length === 0) return devices;
  return devices.map((device) => {
    const row = rows.find(({ kind }) => kind === device.iommu_kind);
    if (row === undefined || device.registers !== undefined) return device;
    return { ...device, registers: row.registers };
  });
}
