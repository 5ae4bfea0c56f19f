import { describe, expect, it } from 'vitest';
import { createRun, type Run, type RunOptions } from '../../../src/engine/run.ts';
import type { TaskView } from '../../../src/engine/scheduling.ts';
import type { Machine } from '../../../src/events/machine.ts';
import { BOOT, NIC, PORT, smallSystem } from '../small-machine.ts';

/** The small machine with resources in its port and its card. */
function boot(cmdline: string, options: RunOptions = {}, steps: Machine['boot'] = []): Run {
  const { machine, kernel } = smallSystem({ boot: steps }, { cmdline });
  const devices = machine.devices.map((spec) =>
    spec.pci === undefined ? spec : { ...spec, pci: { ...spec.pci, bars: [1, 4] } },
  );
  const run = createRun({ kernel, machine: { ...machine, devices } }, options);
  run.give(BOOT);
  return run;
}

const HOST = '40000000.pcie';
const ASYNC = 'driver_async_probe=pci-host-generic';
const path = (dev: string) => `/devices/platform/${HOST}/pci0000:00/${dev}/resource1`;

const duplicates = (run: Run): readonly string[] =>
  run.scheduler.events.flatMap(({ event }) =>
    event.type === 'printk' && event.text.startsWith('sysfs:') ? [event.text] : [],
  );
const files = (run: Run) => [PORT, NIC].map((dev) => run.state.devices[dev]?.resource_files);

/** The probe of the host bridge gets on until that device is there, then the initcalls do. */
function until(dev: string): RunOptions {
  let isThere = false;
  return {
    onEvent({ event }) {
      if (event.type === 'device.ready' && event.dev === dev) isThere = true;
    },
    choose(runnable) {
      const isHost = ({ name }: TaskView) => name.startsWith('async');
      return Math.max(
        0,
        runnable.findIndex((task) => isHost(task) !== isThere),
      );
    },
  };
}

describe('the resource files of PCI functions', () => {
  it('are made by the initcall where the scan is over before it', () => {
    const run = boot('');
    const initialized = run.scheduler.events.findIndex(
      ({ event }) => event.type === 'pci.sysfs_initialized',
    );
    const made = run.scheduler.events.findIndex(({ event }) => event.type === 'pci.resource_files');
    expect(made).toBeGreaterThan(initialized);
    expect(duplicates(run)).toEqual([]);
    expect(files(run)).toEqual([true, true]);
  });

  it('are made by late_initcall where it is a step of its own, and suppliers hear of the end', () => {
    const host = { step: 'driver', bus: 'platform', drv: 'pci-host-generic' } as const;
    const smmu = { step: 'driver', bus: 'platform', drv: 'arm-smmu-v3' } as const;
    const run = boot('', {}, [{ step: 'populate' }, smmu, host]);
    expect(files(run)).toEqual([false, false]);
    run.give({ do: 'late_initcall' });
    expect(files(run)).toEqual([true, true]);
    expect(run.state.defer_sync_state_count).toBe(0);
  });

  it('are made when a function is added where the initcall is over before the scan', () => {
    const run = boot(ASYNC, until(HOST));
    expect(duplicates(run)).toEqual([]);
    expect(files(run)).toEqual([true, true]);
  });

  it('are made twice, and lost, where the initcall comes between scan and addition', () => {
    const both = boot(ASYNC, until(NIC));
    expect(duplicates(both)).toEqual([
      `sysfs: cannot create duplicate filename '${path(PORT)}'`,
      `sysfs: cannot create duplicate filename '${path(`${PORT}/${NIC}`)}'`,
    ]);
    expect(files(both)).toEqual([false, false]);
    const one = boot(ASYNC, until(PORT));
    expect(duplicates(one)).toHaveLength(1);
    expect(files(one)).toEqual([false, true]);
  });

  it('are nobody’s business where the machine does not tell of resources', () => {
    const run = createRun(smallSystem({}));
    run.give(BOOT);
    expect(run.state.pci_sysfs_initialized).toBe(false);
  });
});
