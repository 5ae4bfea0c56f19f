/** What a recorded call is about, and under which key it meets those of the model. */
import type { KprobeCall } from './kprobe-file.ts';

/** Functions whose device pointer result is compared as far as it is a deferral. */
export const POINTER_RESULTS: ReadonlySet<string> = new Set([
  'of_iommu_configure',
  'acpi_iommu_configure_id',
]);

const WITHOUT_SUBJECT = new Set([
  'iommu_device_register',
  'bus_iommu_probe',
  'iommu_device_unregister',
]);
const MODELLED = new Set([
  'really_probe',
  'check_suppliers',
  'check_state',
  'of_iommu_configure',
  'acpi_iommu_configure_id',
  'use_default_domain',
  'unuse_default_domain',
  'claim_group',
  'release_group',
  'dma_owner_claimed',
  '__iommu_probe_device',
  'iommu_probe_device',
  'iommu_release_device',
  'iommu_device_register',
  'bus_iommu_probe',
  'iommu_device_unregister',
  'device_iommu_capable',
  'driver_bound',
  'group_add_device',
]);

/** The key under which a recorded call meets those of the model; null for one it has no path for. */
export function keyOfCall(call: KprobeCall): string | null {
  const subject = subjectOfCall(call);
  return subject === null ? null : `${call.probe} ${subject}`;
}

/** What a recorded call is about; null for a function the model has no path for. */
export function subjectOfCall(call: KprobeCall): string | null {
  if (!MODELLED.has(call.probe)) return null;
  if (WITHOUT_SUBJECT.has(call.probe)) return '';
  return call.args['group'] ?? call.args['dev'] ?? null;
}
