// Goal: whatever two users do to one card at once, no schedule leads to a state that the kernel's locks
// forbid. Method: all pairs of actions, on a card with kernel drivers, vfio-pci or none.
import { describe, expect, it } from 'vitest';
import type { Machine } from '../../src/events/machine.ts';
import type { Concurrent, Stimulus } from '../../src/events/stimulus.ts';
import { explore } from '../../src/explore/explore.ts';
import { readScenarioFile } from './scenario-file.ts';

const {
  kernel,
  machine: one,
  stimuli,
} = readScenarioFile('scenarios/two-drivers-are-bound-to-one-card-at-once.yaml');
const bus = 'pci';
const [dev, other] = ['0000:00:02.0', '0000:00:02.1'] as const;
/** The card has two functions, which nothing keeps apart: they share a group. */
const machine: Machine = {
  ...one,
  devices: one.devices.flatMap((device) => {
    if (device.name !== dev || device.pci === undefined) return [device];
    const function0 = { ...device, pci: { ...device.pci, multifunction: true } };
    return [function0, { ...function0, name: other }];
  }),
};

const bind = (drv: string, to: string = dev): Concurrent => ({ do: 'bind', bus, drv, dev: to });
const unbind = (from: string = dev): Concurrent => ({ do: 'unbind', bus, drv: '', dev: from });
const vfio: Concurrent = {
  ...{ do: 'vfio', group: '0', dev, hold: null, dma: true },
  ...{ nocontainer: false, nodevice: false },
};

const ACTIONS: readonly Concurrent[] = [
  unbind(),
  unbind(other),
  bind('e1000e'),
  bind('e1000e', other),
  bind('vfio-pci'),
  { do: 'drivers_probe', bus, dev },
  { do: 'driver_override', bus, dev, drv: 'vfio-pci' },
  vfio,
  { ...vfio, iommufd: 'iommufd' },
  { do: 'remove', dev },
  { do: 'remove', dev: other },
  { do: 'rescan', dev: null },
  { do: 'modprobe', module: 'vfio_pci', params: '' },
  { do: 'rmmod', module: 'vfio_pci', force: false },
  { do: 'group_type', group: 0, value: 'identity' },
];
const PAIRS = ACTIONS.flatMap((one, i) => ACTIONS.slice(i).map((other) => [one, other] as const));

const [boot, , load] = stimuli;
const start = [boot, load].flatMap((step) => step ?? []);
const BEFORE: Readonly<Record<string, readonly Stimulus[]>> = {
  'a kernel driver': start,
  'vfio-pci for one function': [...start, unbind(), bind('vfio-pci')],
  'vfio-pci': [...start, unbind(), unbind(other), bind('vfio-pci'), bind('vfio-pci', other)],
  'no driver': [...start, unbind(), unbind(other)],
};
const SCHEDULES_MAX = 40;

describe.each(Object.keys(BEFORE))('two at once on a card with %s', (driver) => {
  it.each(['5.19', '6.1', '7.2'])('break nothing on %s', (version) => {
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
