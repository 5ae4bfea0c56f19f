/** What an expression may name: the parts of the state (model/state), and what led to it. */
import type { State } from '../model/state/state.ts';

/** The parts of the state, in its order. */
export const STATE_VARIABLES: { readonly [name in keyof State]: string } = {
  buses: 'by name: devices, drivers (by name: devices, dynamic_ids), drivers_autoprobe, iommu_ops',
  devices:
    'by name: bus, parent, driver, bound, deferred, driver_override, iommu, iommu_group, owner_uses, fwspec, dma_ops, spec, …',
  devices_kset: 'names of the devices that were not shut down yet, the next one last',
  modules: 'by name: state, holders, depends, params',
  builtin_params: 'by module: what was written to its parameters',
  deferred: 'pending, active (names of devices), initcalls_done, timed_out, timeout_armed, …',
  links: 'list: supplier, consumer, status, flags of each device link',
  fwnode_links:
    'list: supplier, consumer, cycle of what firmware says and no link was made for yet',
  fwnodes_linked: 'names of nodes of which the links were made',
  fw_devlink_best_effort: 'fw_devlink holds nobody back any more',
  defer_sync_state_count: 'reasons for sync_state callbacks to wait',
  deferred_sync: 'names of suppliers that are looked at when there is no such reason',
  iommus: 'list: name, ops, freed, disabled, ready of each registered IOMMU',
  groups: 'by number as text: devices, owner, owner_cnt, domain, default_domain, direct_mapped',
  mappings: 'by number as text: those of 32-bit Arm: iommu, kref, shared, context',
  smmus: 'by name: features, enabled, entries, unmatched, context_banks',
  io_mappings: 'list: domain, start, length, dev, cache of each range that page tables map',
  last_dma: 'by device: addr, write, result, why of its last transaction',
  allocated: 'list: start, length of the memory that the kernel took',
  x86_units: 'by name: queue, translation of each VT-d or AMD-Vi unit',
  viommus: 'by name: endpoints of each virtio-iommu',
  ipmmus: 'by name: contexts, utlbs of each IPMMU',
  acs_requested: 'devices added from now on get ACS',
  pci: 'buses, subordinate, scanned, numbers, plugged, …',
  pci_sysfs_initialized: 'PCI devices get their files',
  dma_strict: 'iommu_dma_strict was set at run time',
  vfio: 'groups (by name: devices, opened_by, container), containers, iommufds, open, …',
  oops: 'where the kernel oopsed; null for nowhere',
};

/** What led to the state. */
export const MOMENT_VARIABLES = {
  event: 'the event that led to the state: type, its own fields, n, task, stack, line',
  stimulus: 'the last thing that was done from outside: do, and its own fields; null for none',
} as const;
