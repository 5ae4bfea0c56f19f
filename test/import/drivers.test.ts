// Drivers that only a log knows, and probes that a parameter made run beside each other.
import { expect, it } from 'vitest';
import { runAll } from '../../src/engine/run.ts';
import type { Machine } from '../../src/events/machine.ts';
import type { Stimulus } from '../../src/events/stimulus.ts';
import { importLog } from '../../src/import/import.ts';
import { BOOT, kernel, SMMU, smallMachine } from '../model/small-machine.ts';

const imported = (text: string, machine: Machine | null = null) =>
  importLog(new TextEncoder().encode(text.trim()), {
    name: 'log',
    version: null,
    config: {},
    patches: {},
    machine,
  });

const booted = (cmdline: string) => `
[    0.000000] Linux version 6.1.0 (x@y) (gcc) #1 SMP
[    0.000000] Kernel command line: ${cmdline}`;

it.each([
  ['acme_vfio_pci', true],
  ['acme-vfio-pci', true],
  ['acme_net', false],
])('takes %s for a driver that claims DMA ownership itself: %s', (drv, managed) => {
  const log = `${booted('quiet')}
[    0.774332] pci 0000:00:02.0: [1b36:0010] type 00 class 0x010802
[    1.281647] Run /init as init process
[    2.000000] ${drv} 0000:00:02.0: enabling device (0000 -> 0002)`;
  const { drivers } = imported(log).trace.header.machine;
  expect(drivers.find(({ name }) => name === drv)?.driver_managed_dma).toBe(managed);
});

/** Two devices behind the SMMU that get their groups as a module probes them. */
function twoClients(): Machine {
  const { devices, drivers, ...rest } = smallMachine();
  const client = (name: string, id: number) => ({
    name,
    bus: 'platform',
    parent: null,
    ids: ['acme,client'],
    iommus: [{ iommu: SMMU, ids: [id] }],
  });
  return {
    ...rest,
    devices: [...devices.filter(({ name }) => name === SMMU), client('a', 1), client('b', 2)],
    drivers: drivers.flatMap((driver) => {
      const ids = ['acme,client'];
      const acme = { ...driver, name: 'acme', ids, module: 'acme', suppress_bind_attrs: false };
      return driver.name === 'arm-smmu-v3' ? [driver, acme] : [];
    }),
    modules: [{ name: 'acme', depends: [] }],
  };
}

/** What the kernel says of a boot and of loading the module, where the second device goes first. */
function logOf(cmdline: string): string {
  const load: Stimulus = { do: 'modprobe', module: 'acme', params: '' };
  const run = runAll({ machine: twoClients(), kernel: kernel({ cmdline }) }, [BOOT, load], {
    choose: (runnable) =>
      Math.max(
        0,
        runnable.findIndex(({ name }) => name.includes(' b')),
      ),
  });
  const lines = run.scheduler.events.flatMap(({ event }) =>
    event.type === 'printk' ? [event.text] : [],
  );
  const at = lines.findIndex((text) => text.endsWith('add driver acme'));
  const all = [...lines.slice(0, at), 'Run /init as init process', ...lines.slice(at)];
  return all.map((text, i) => `[    1.${String(i).padStart(6, '0')}] ${text}`).join('\n');
}

it.each([
  ['acme.async_probe', 0],
  ['acme.async_probe=1', 0],
  ['driver_async_probe=acme', 0],
  ['quiet', 4],
])('follows the order of probes: %s', (word, count) => {
  const debug = 'dyndbg="file drivers/base/* +p"';
  const log = `${booted(`${word} ${debug}`)}\n${logOf(`acme.async_probe ${debug}`)}`;
  expect(imported(log, twoClients()).divergences).toHaveLength(count);
});
