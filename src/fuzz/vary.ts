/** Variations of inputs: steps in another order, fewer or more of them, another schedule. */
import type { DeviceSpec, Machine } from '../events/machine.ts';
import type { Stimulus } from '../events/stimulus.ts';
import type { Inputs } from '../events/trace.ts';
import type { Throws } from './seeds.ts';

/** More steps than a person would follow; longer inputs are not made longer. */
const STEPS_MAX = 40;
const CHANGES_MAX = 6;

/** Makes a step that a user could take on the machine. */
type AnyStep = (throws: Throws) => Stimulus;

/**
 * The same machine and kernel with some of its steps moved, dropped, said again or new, and with a
 * schedule that is its own up to some point.
 *
 * Cost: linear in the steps and choices.
 */
export function vary(inputs: Inputs, throws: Throws): Inputs {
  const { machine, choices } = inputs;
  const anyStep = stepsOn(machine);
  const stimuli = [...inputs.stimuli];
  for (let left = 1 + throws.below(CHANGES_MAX); left > 0; left -= 1)
    changeOnce(stimuli, throws, anyStep);
  return { ...inputs, stimuli, choices: choices.slice(0, throws.below(choices.length + 1)) };
}

/** Nothing comes before the boot where it is first. */
function changeOnce(stimuli: Stimulus[], throws: Throws, anyStep: AnyStep): void {
  const first = stimuli[0]?.do === 'boot' ? 1 : 0;
  const count = stimuli.length - first;
  const at = first + throws.below(count);
  const isFull = stimuli.length >= STEPS_MAX;
  switch (count === 0 ? 0 : throws.below(isFull ? 4 : 8)) {
    case 1:
      stimuli.splice(at, 1);
      return;
    case 2:
    case 3: {
      const [moved] = stimuli.splice(at, 1);
      if (moved !== undefined) stimuli.splice(first + throws.below(count), 0, moved);
      return;
    }
    case 4: {
      const again = stimuli[at];
      if (again !== undefined) stimuli.splice(first + throws.below(count + 1), 0, again);
      return;
    }
    default:
      if (!isFull) stimuli.splice(first + throws.below(count + 1), 0, anyStep(throws));
  }
}

function stepsOn(machine: Machine): AnyStep {
  const devices = withCreated(machine.devices);
  const { drivers, modules } = machine;
  const makers: AnyStep[] = [
    () => ({ do: 'rescan', dev: null }),
    () => ({ do: 'deferred_probe_timeout' }),
  ];
  if (modules.length > 0) {
    makers.push(
      (throws) => ({ do: 'modprobe', module: throws.pick(modules).name, params: '' }),
      (throws) => ({ do: 'modprobe', module: throws.pick(modules).name, params: '' }),
      (throws) => ({ do: 'rmmod', module: throws.pick(modules).name, force: false }),
    );
  }
  if (devices.length > 0) makers.push(...onDevices(devices, machine));
  if (drivers.length > 0 && devices.length > 0) {
    const onDriver =
      (word: 'bind' | 'unbind'): AnyStep =>
      (throws) => {
        const dev = throws.pick(devices);
        const of = drivers.filter(({ bus }) => bus === dev.bus);
        const drv = throws.pick(of.length > 0 ? of : drivers);
        return { do: word, bus: dev.bus, drv: drv.name, dev: dev.name };
      };
    makers.push(onDriver('bind'), onDriver('unbind'));
  }
  return (throws) => throws.pick(makers)(throws);
}

function onDevices(devices: readonly DeviceSpec[], { drivers }: Machine): AnyStep[] {
  const functions = devices.filter(({ pci }) => pci !== undefined);
  const removable = functions.length > 0 ? functions : devices;
  const names = [...drivers.filter(({ bus }) => bus === 'pci'), { name: 'vfio-pci' }];
  return [
    (throws) => ({ do: 'remove', dev: throws.pick(removable).name }),
    (throws) => {
      const { bus, name } = throws.pick(devices);
      return { do: 'unbind', bus, drv: '', dev: name };
    },
    (throws) => {
      const { bus, name } = throws.pick(devices);
      return { do: 'drivers_probe', bus, dev: name };
    },
    (throws) => {
      const { bus, name } = throws.pick(removable);
      const drv = throws.percent(70) ? throws.pick(names).name : null;
      return { do: 'driver_override', bus, dev: name, drv };
    },
    (throws) => ({
      ...{ do: 'vfio', group: String(throws.below(3)), dev: throws.pick(removable).name },
      ...{ dma: throws.percent(50), nocontainer: false, nodevice: throws.percent(20), hold: null },
    }),
  ];
}

function withCreated(devices: readonly DeviceSpec[]): readonly DeviceSpec[] {
  return devices.flatMap((device) => [device, ...withCreated(device.creates ?? [])]);
}
