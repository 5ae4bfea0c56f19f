import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DMA_RANGE, type Stimulus, singlesOf, VFIO_CALLS } from '../../src/events/stimulus.ts';
import { parseAction } from '../../src/import/action.ts';
import { printAction } from '../../src/import/action-print.ts';
import { moduleName } from '../../src/model/firmware/module-table.ts';
import { runScenario } from '../model/scenario-run.ts';
import { NIC, UNBIND_NIC, USE_NIC } from '../model/small-machine.ts';

/** A stimulus as the shell leaves it: module names without dashes, what is mapped told. */
function asTyped(s: Stimulus): Stimulus {
  switch (s.do) {
    case 'modprobe':
    case 'insmod':
    case 'rmmod':
    case 'module_param':
      return { ...s, module: moduleName(s.module) };
    case 'vfio': {
      const { req, maps, ...rest } = s;
      const ranges = s.dma ? { maps: maps ?? [DMA_RANGE] } : {};
      return { ...rest, ...(req === true ? { req } : {}), ...ranges };
    }
    default:
      return s;
  }
}

/** What no shell command does. */
const NO_COMMAND: readonly Stimulus['do'][] = [
  ...([
    'boot',
    'device_add',
    'driver_register',
    'late_initcall',
    'deferred_probe_timeout',
  ] as const),
  ...(['plug', 'dma', 'page_alloc', 'note'] as const),
];

describe('printAction', () => {
  it.each<[Stimulus, string]>([
    [UNBIND_NIC, `echo ${NIC} > /sys/bus/pci/drivers/e1000e/unbind`],
    [
      { do: 'unbind', bus: 'pci', drv: '', dev: NIC },
      `echo ${NIC} > /sys/bus/pci/devices/${NIC}/driver/unbind`,
    ],
    [
      { do: 'driver_override', bus: 'pci', dev: NIC, drv: null },
      `echo > /sys/bus/pci/devices/${NIC}/driver_override`,
    ],
    [USE_NIC, `lab vfio 1 ${NIC} map=0x100000+0x10000`],
    [{ ...USE_NIC, dma: false, hold: '/tmp/c0.0' }, `lab vfio 1 ${NIC} hold=/tmp/c0.0`],
    [{ do: 'vfio_release', hold: '/tmp/c0.0' }, 'touch /tmp/c0.0'],
    [
      { do: 'modprobe', module: 'vfio-pci', params: 'ids=8086:10d3' },
      'modprobe vfio-pci ids=8086:10d3',
    ],
    [{ do: 'rmmod', module: 'arm_smmu_v3', force: true }, 'rmmod -f arm_smmu_v3'],
  ])('%j', (stimulus, command) => {
    expect(printAction(stimulus)).toBe(command);
  });

  const files = readdirSync('scenarios').filter((file) => file.endsWith('.yaml'));
  it.each(files)('prints the steps of %s as commands that are read back as they were', (file) => {
    const { stimuli } = runScenario(file.replace(/\.yaml$/, '')).trace().header;
    for (const stimulus of stimuli.flatMap(singlesOf)) {
      const command = printAction(stimulus);
      const isPrinted = !NO_COMMAND.includes(stimulus.do) && !('iommufd' in stimulus);
      expect([stimulus.do, command !== null]).toEqual([stimulus.do, isPrinted]);
      if (command !== null) expect(parseAction(command)).toEqual(asTyped(stimulus));
    }
  });

  it('holds any name that a shell line can', () => {
    const aName = fc
      .string({ unit: 'binary-ascii', minLength: 1, maxLength: 12 })
      .filter((name) => name === name.trim() && !/ {2}|\p{Cc}/u.test(name) && name[0] !== '-');
    const aFile = aName.filter((name) => !/[/=.]/.test(name));
    const aStimulus = fc.oneof(
      fc.record({ do: fc.constant('bind' as const), bus: aFile, drv: aFile, dev: aName }),
      fc.record({ do: fc.constant('vfio_release' as const), hold: aName }),
      fc.record({ do: fc.constant('remove_id' as const), bus: aFile, drv: aFile, id: aName }),
      fc.record({
        ...{ do: fc.constant('vfio_ioctl' as const), hold: aName, dev: fc.option(aFile) },
        call: fc.constantFrom(...VFIO_CALLS),
        iova: fc.maxSafeNat(),
      }),
      fc.record({
        ...{ do: fc.constant('vfio' as const), group: aFile, dev: aFile, hold: aName },
        ...{ dma: fc.boolean(), nocontainer: fc.boolean(), nodevice: fc.boolean() },
      }),
    );
    const property = fc.property(aStimulus, (stimulus) => {
      const command = printAction(stimulus);
      expect(command).not.toMatch(/\p{Cc}/u);
      expect(parseAction(command ?? '')).toEqual(asTyped(stimulus));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('prints no command where a name would end the line', () => {
    expect(printAction({ do: 'vfio_release', hold: 'a\nreboot' })).toBeNull();
  });
});
