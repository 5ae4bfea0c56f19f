/**
 * PCI functions of boards that are known: what their nodes do not say of them.
 *
 * Source: logs of LS1028A boards that were sent to kernel lists in 2020 and 2022, with the ids of each
 * function and an IOMMU group for each.
 */
import type { PciFunction } from '../../events/machine.ts';

type Known = Pick<PciFunction, 'vendor' | 'device' | 'class' | 'pcie' | 'acs_enabled'>;

const NXP = 0x1957;
const LS1028A = 'fsl,ls1028a';
const LS1028A_ECAM = 'pcie@1f0000000';

/** Isolated although the scan came before anybody asked for ACS: its bits are hard-wired. */
const onChip = (device: number, cls: number): Known => ({
  ...{ vendor: NXP, device, class: cls, pcie: 'rc-endpoint', acs_enabled: true },
});
const ENETC = onChip(0xe100, 0x020001);

/** By board, the name of the host bridge's node, and the function's slot and number. */
const FUNCTIONS: ReadonlyMap<string, Known> = new Map(
  (
    [
      ['00.0', ENETC],
      ['00.1', ENETC],
      ['00.2', ENETC],
      ['00.3', onChip(0xee01, 0x088001)],
      ['00.4', onChip(0xee02, 0x088001)],
      ['00.5', onChip(0xeef0, 0x020801)],
      ['00.6', ENETC],
      ['1f.0', { ...onChip(0xe001, 0x080700), pcie: 'rc-event-collector' }],
    ] as const
  ).map(([at, known]) => [`${LS1028A} ${LS1028A_ECAM} ${at}`, known]),
);

/** What is known of a function on the root bus of a host bridge, for a board's compatible strings. */
export function knownFunction(
  board: readonly string[],
  host: string,
  devfn: number,
): Known | undefined {
  const at = `${(devfn >> 3).toString(16).padStart(2, '0')}.${devfn & 7}`;
  for (const name of board) {
    const known = FUNCTIONS.get(`${name} ${host} ${at}`);
    if (known !== undefined) return known;
  }
  return undefined;
}
