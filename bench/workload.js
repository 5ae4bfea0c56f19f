// The benchmark's system and its events: 200 functions behind 40 root ports of one SMMU, whose
// drivers are unbound and bound again in turn, as a long session would do.
import { createRun } from '../dist/engine/run.js';

const hex2 = (n) => n.toString(16).padStart(2, '0');

const pci = (vendor, device, cls, header, pcie, multifunction) => ({
  vendor,
  device,
  class: cls,
  header,
  multifunction,
  pcie,
  acs_capable: true,
  acs_enabled: true,
});

/** A built-in driver that says nothing of itself but its ids. */
export const driver = (name, bus, ids, more = {}) => ({
  name,
  bus,
  module: null,
  ids,
  driver_managed_dma: false,
  suppress_bind_attrs: false,
  probe_type: 'default',
  ...more,
});

/** The machine: `ports` root ports with `functions` endpoint functions each. */
export function benchMachine(ports = 40, functions = 4) {
  const devices = [
    {
      name: '9050000.smmuv3',
      bus: 'platform',
      parent: null,
      ids: ['arm,smmu-v3'],
      dma_coherent: true,
    },
    {
      name: '4010000000.pcie',
      bus: 'platform',
      parent: null,
      ids: ['pci-host-ecam-generic'],
      iommu_map: [{ rid_base: 0, iommu: '9050000.smmuv3', sid_base: 0, length: 0x10000 }],
    },
  ];
  for (let i = 0; i < ports; i += 1) {
    const name = `0000:00:${hex2(i >> 3)}.${i & 7}`;
    const port = pci(0x1b36, 0xc, 0x060400, 1, 'root-port', false);
    devices.push({ name, bus: 'pci', parent: '4010000000.pcie', ids: ['port'], pci: port });
    for (let fn = 0; fn < functions; fn += 1) {
      const endpoint = pci(0x8086, 0x10d3, 0x020000, 0, 'endpoint', functions > 1);
      const dev = `0000:${hex2(i + 1)}:00.${fn}`;
      devices.push({ name: dev, bus: 'pci', parent: name, ids: ['nic'], pci: endpoint });
    }
  }
  const drivers = [
    driver('pci-host-generic', 'platform', ['pci-host-ecam-generic']),
    driver('arm-smmu-v3', 'platform', ['arm,smmu-v3']),
    driver('pcieport', 'pci', ['port'], { driver_managed_dma: true }),
    driver('e1000e', 'pci', ['nic']),
  ];
  return { firmware: 'devicetree', devices, drivers, modules: [], boot: [] };
}

export const benchKernel = { version: '6.1', release: null, config: {}, cmdline: '', patches: {} };

/** A trace of exactly `count` events: the boot, then unbind and bind of every function in turn. */
export function benchTrace(count) {
  const machine = benchMachine();
  const run = createRun({ machine, kernel: benchKernel }, { eventsMax: count + 1000 });
  run.give({ do: 'boot' });
  const nics = machine.devices.filter((device) => device.ids[0] === 'nic').map((d) => d.name);
  for (let i = 0; run.scheduler.events.length < count; i += 1) {
    const dev = nics[i % nics.length];
    run.give({ do: 'unbind', bus: 'pci', drv: 'e1000e', dev });
    run.give({ do: 'bind', bus: 'pci', drv: 'e1000e', dev });
  }
  const trace = run.trace();
  const events = run.scheduler.events.slice(0, count);
  return { header: { ...trace.header, stimuli: [] }, events };
}
