// Goal: whatever two users do to one card at once, no schedule leads to a state that the kernel's locks
// forbid. Method: all pairs of actions, from a card with a kernel driver and from one with vfio-pci.
import { describe, expect, it } from 'vitest';
import type { Concurrent, Stimulus } from '../../src/events/stimulus.ts';
import { explore } from '../../src/explore/explore.ts';
import { readScenarioFile } from './scenario-file.ts';

const { kernel, machine, stimuli } = readScenarioFile(
  'scenarios/two-drivers-are-bound-to-one-card-at-once.yaml',
);
const [bus, dev] = ['pci', '0000:00:02.0'] as const;
const bind = (drv: string): Concurrent => ({ do: 'bind', bus, drv, dev });
const unbind: Concurrent = { do: 'unbind', bus, drv: '', dev };
const vfio: Concurrent = {
  ...{ do: 'vfio', group: '0', dev, hold: null, dma: true },
  ...{ nocontainer: false, nodevice: false },
};

const ACTIONS: readonly Concurrent[] = [
  unbind,
  bind('e1000e'),
  bind('vfio-pci'),
  { do: 'drivers_probe', bus, dev },
  { do: 'driver_override', bus, dev, drv: 'vfio-pci' },
  vfio,
  { ...vfio, iommufd: 'iommufd' },
  { do: 'remove', dev },
  { do: 'rescan', dev: null },
  { do: 'modprobe', module: 'vfio_pci', params: '' },
  { do: 'rmmod', module: 'vfio_pci', force: false },
  { do: 'group_type', group: 0, value: 'identity' },
];
const PAIRS = ACTIONS.flatMap((one, i) => ACTIONS.slice(i).map((other) => [one, other] as const));

/** A card with e1000e; then, given to vfio-pci. */
const [boot, , load] = stimuli;
const BEFORE: Readonly<Record<string, readonly Stimulus[]>> = {
  'a kernel driver': [boot, load].flatMap((step) => step ?? []),
  'vfio-pci': [boot, load, unbind, bind('vfio-pci')].flatMap((step) => step ?? []),
};
const SCHEDULES_MAX = 100;

describe.each(Object.keys(BEFORE))('two at once on a card with %s', (driver) => {
  it.each(['5.15', '5.19', '6.1', '6.12', '7.2'])('break nothing on %s', (version) => {
    const broken = PAIRS.flatMap((steps) => {
      const together: Stimulus = { do: 'together', steps };
      const inputs = {
        kernel: { ...kernel, version },
        machine,
        stimuli: [...(BEFORE[driver] ?? []), together],
        choices: [],
      };
      const walks = explore(inputs, { strategy: { kind: 'por' }, schedulesMax: SCHEDULES_MAX });
      let step = walks.next();
      while (step.done !== true) step = walks.next();
      return step.value.found.map(({ violation }) => ({ steps, violation }));
    });
    expect(broken).toEqual([]);
  });
});
