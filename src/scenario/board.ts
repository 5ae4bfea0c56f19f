/** A devicetree or an IORT as a scenario: the board boots, and nothing is expected of it. */
import { boardMachine } from '../model/firmware/board.ts';
import type { Firmware } from '../model/firmware/firmware.ts';
import { ASSUMED_PROFILE } from '../model/versions/profile.ts';
import type { ParsedScenario } from './scenario.ts';

export function boardScenario(firmware: Firmware, file: string): ParsedScenario {
  return {
    name: file.slice(file.lastIndexOf('/') + 1),
    title: firmware.model ?? '',
    story: '',
    kernel: { version: ASSUMED_PROFILE, release: null, config: {}, cmdline: '', patches: {} },
    machine: boardMachine(firmware, firmware.devices),
    steps: [{ do: 'boot' }],
    choices: [],
    expect: [],
    stepLines: [1],
    expectLines: [],
  };
}
