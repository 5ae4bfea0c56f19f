import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSessionFolder } from '../../src/commands/read-session.ts';
import type { Machine } from '../../src/events/machine.ts';
import { foreignMachine } from '../../src/import/foreign-machine.ts';
import { importLog } from '../../src/import/import.ts';
import type { Firmware } from '../../src/model/firmware/firmware.ts';
import { deriveMachine } from '../../src/verify/machine.ts';
import { TRACES } from '../corpora.ts';
import { NIC, SMMU, smallMachine } from '../model/small-machine.ts';

const LOG = `[    0.000000] Machine model: linux,dummy-virt
[    0.100000] pci ${NIC}: [8086:10d3] type 00 class 0x020000
[    0.200000] arm-smmu-v3 ${SMMU}: ias 44-bit, oas 44-bit (features 0x00000305)
[    0.300000] e1000e ${NIC}: Adding to iommu group 0
`;

function foreignTo(machine: Machine | null, firmware: Firmware | null = null, log = LOG) {
  const options = { name: 'a.log', version: null, config: {}, patches: {}, machine };
  const imported = importLog(new TextEncoder().encode(log), options);
  return foreignMachine(imported, { machine, firmware });
}

describe('foreignMachine', () => {
  it('finds nothing wrong with the machine of the log', () => {
    expect(foreignTo(smallMachine())).toBeNull();
    expect(foreignTo(null)).toBeNull();
  });

  it('names what the machine lacks', () => {
    const { devices, ...rest } = smallMachine();
    const without = (...names: readonly string[]) => ({
      ...rest,
      devices: devices.filter(({ name }) => !names.includes(name)),
    });
    expect(foreignTo(without(NIC))).toEqual({
      what: `the machine lacks 1 of 2 devices that the log shows: ${NIC}`,
      isOther: false,
    });
    expect(foreignTo(without(NIC, SMMU))).toMatchObject({ isOther: true });
  });

  it('compares models, where the log and the firmware have one', () => {
    const firmware = (model: string | null) => ({ model }) as Firmware;
    expect(foreignTo(null, firmware('Acme Board'))).toEqual({
      what: "the log is of 'linux,dummy-virt', and the machine is 'Acme Board'",
      isOther: true,
    });
    expect(foreignTo(null, firmware('linux,dummy-virt'))).toBeNull();
    expect(foreignTo(null, firmware(null))).toBeNull();
    expect(foreignTo(null, firmware('Acme Board'), LOG.replace(/^.*model.*\n/, ''))).toBeNull();
  });
});

const sessions = existsSync(TRACES)
  ? readdirSync(TRACES).filter((name) => /^(?:s02-bs61|s05|s07-x86|s08-c61-dt-plat)/.test(name))
  : [];

describe.skipIf(sessions.length === 0)(`recordings of ${TRACES} (skipped where absent)`, () => {
  it.each(sessions)('%s: its own machine is none but its own', async (name) => {
    const session = await readSessionFolder(join(TRACES, name));
    const { machine } = deriveMachine(session);
    if (machine.devices.length === 0) return;
    expect(foreignTo(machine, null, session.dmesg ?? '')?.isOther ?? false).toBe(false);
  });
});
