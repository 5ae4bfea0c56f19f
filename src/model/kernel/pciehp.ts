/** Cards coming and going. Kernel: drivers/pci/hotplug, v6.1. */
import type { DriverOps, Kernel } from '../context.ts';
import { ENODEV, ENOENT } from '../errno.ts';
import { deviceOf } from '../lookup.ts';
import { locked, type Path, path } from '../path.ts';
import { dev_printk } from '../printk.ts';
import { PCI_RESCAN_REMOVE_LOCK, pci_bus_add_devices, pci_stop_and_remove } from './pci.ts';
import { hardwareName } from './pci-hardware.ts';
import { pci_scan_card } from './pci-probe.ts';
import { devicesBehind } from './pci-search.ts';
import { pcie_port_shutdown_service } from './pcie-portdrv.ts';

/**
 * Hot-plug control of a port that has a bus behind it.
 *
 * Kernel: drivers/pci/hotplug/pciehp_core.c:pciehp_probe, v6.1.
 * Leaves out: interrupts, indicators, a slot that another driver has.
 *
 * @returns 0, or -ENODEV for a port without a bus.
 */
const pciehp_probe = path('pciehp_probe', function* (k, dev: string): Path<number> {
  const port = deviceOf(k, dev).parent;
  if (port === null || k.state.pci.subordinate[port] !== undefined) return 0;
  yield dev_printk(k, 'err', port, 'pciehp: Hotplug bridge without secondary bus, ignoring');
  return -ENODEV;
});

/**
 * Kernel: drivers/pci/hotplug/pciehp_core.c:hpdriver_portdrv, v6.1.
 * Leaves out: suspend and resume.
 */
export const hotplugDriver: DriverOps = {
  probe: pciehp_probe,
  shutdown: pcie_port_shutdown_service,
};

/** Is there hot-plug control for the slot behind this port? */
function isControlled(k: Kernel, port: string): boolean {
  return Object.values(k.state.devices).some(
    ({ bus, parent, driver }) => bus === 'pci_express' && parent === port && driver === 'pciehp',
  );
}

/** The number of the slot behind a port. */
const slotOf = (k: Kernel, port: string): string => String(deviceOf(k, port).spec.pci?.slot ?? 0);

/**
 * A card is put into its slot, or pulled out: all its functions at once. Without hot-plug control
 * nobody notices until the next rescan.
 *
 * Kernel: drivers/pci/hotplug/pciehp_hpc.c:pciehp_ist, v6.1.
 * Leaves out: the attention button.
 *
 * @returns 0, or -ENODEV for a card that the machine does not have.
 */
export const pciehp_ist = path(
  'pciehp_ist',
  function* (k, card: string, present: boolean): Path<number> {
    const spec = k.machine.devices.find(({ name, pci }) => name === card && pci !== undefined);
    if (spec === undefined) return -ENODEV;
    const slot = card.slice(0, -1);
    for (const { name, parent, pci } of k.machine.devices)
      if (pci !== undefined && parent === spec.parent && name.startsWith(slot))
        yield { type: present ? 'pci.plugged' : 'pci.unplugged', hardware: name };
    const port = Object.keys(k.state.devices).find((dev) => hardwareName(k, dev) === spec.parent);
    if (port === undefined || !isControlled(k, port)) return 0;
    yield* pciehp_handle_presence_or_link_change(k, port, present);
    return 0;
  },
);

/**
 * Kernel: drivers/pci/hotplug/pciehp_ctrl.c:pciehp_handle_presence_or_link_change, v6.1.
 * Leaves out: the power controller, a card that is exchanged for another.
 */
const pciehp_handle_presence_or_link_change = path(
  'pciehp_handle_presence_or_link_change',
  function* (k, port: string, present: boolean): Path<void> {
    const isOn = devicesBehind(k, port).length > 0;
    if (isOn && !present) {
      yield slotLine(k, port, 'Link Down');
      yield slotLine(k, port, 'Card not present');
      yield* locked(PCI_RESCAN_REMOVE_LOCK, pciehp_unconfigure_device(k, port));
    }
    if (!isOn && present) {
      yield slotLine(k, port, 'Card present');
      yield slotLine(k, port, 'Link Up');
      yield* locked(PCI_RESCAN_REMOVE_LOCK, pciehp_configure_device(k, port));
    }
  },
);

const slotLine = (k: Kernel, port: string, what: string) =>
  dev_printk(k, 'info', port, `pciehp: Slot(${slotOf(k, port)}): ${what}`);

/**
 * Kernel: drivers/pci/hotplug/pciehp_pci.c:pciehp_configure_device, v6.1.
 * Leaves out: a slot in which nothing answers.
 */
function* pciehp_configure_device(k: Kernel, port: string): Path<void> {
  const bus = k.state.pci.subordinate[port];
  if (bus === undefined) return;
  yield* pci_scan_card(k, bus);
  yield* pci_bus_add_devices(k, bus);
}

/**
 * Kernel: drivers/pci/hotplug/pciehp_pci.c:pciehp_unconfigure_device, v6.1.
 * Leaves out: nothing.
 */
function* pciehp_unconfigure_device(k: Kernel, port: string): Path<void> {
  for (const dev of devicesBehind(k, port).toReversed()) yield* pci_stop_and_remove(k, dev);
}

/**
 * Writes `power` of a slot: the card in it goes, or comes back.
 *
 * Kernel: drivers/pci/hotplug/pci_hotplug_core.c:power_write_file, pciehp_ctrl.c:
 * pciehp_sysfs_enable_slot and pciehp_sysfs_disable_slot, v6.1.
 * Leaves out: two slots of the same number.
 *
 * @returns 0, -ENOENT for a slot that is not there, -ENODEV for one that is in that state already.
 */
export const power_write_file = path(
  'power_write_file',
  function* (k, slot: string, on: boolean): Path<number> {
    const port = Object.values(k.state.devices).find(
      ({ name, spec }) => String(spec.pci?.slot) === slot && isControlled(k, name),
    )?.name;
    if (port === undefined) return -ENOENT;
    const isOn = devicesBehind(k, port).length > 0;
    if (isOn === on) {
      yield slotLine(k, port, on ? 'Already enabled' : 'Already disabled');
      return -ENODEV;
    }
    if (on) yield* pciehp_handle_presence_or_link_change(k, port, true);
    else yield* locked(PCI_RESCAN_REMOVE_LOCK, pciehp_unconfigure_device(k, port));
    return 0;
  },
);
