/** What VFIO and its users do. The payloads of events, by type. */

export interface VfioEvents {
  'vfio.group_created': { readonly group: string; readonly iommu_group: number | null };
  'vfio.group_removed': { readonly group: string };
  'vfio.device_registered': { readonly dev: string; readonly group: string };
  'vfio.device_unregistered': { readonly dev: string; readonly group: string };
  /** VFIO will not have the device: the IOMMU does not vouch for coherent DMA. */
  'vfio.incoherent': { readonly dev: string };
  /** A device that VFIO gave back is excused until its driver is gone. */
  'vfio.unbound_added': { readonly dev: string; readonly group: string };
  'vfio.unbound_removed': { readonly dev: string; readonly group: string };
  'vfio.group_opened': { readonly group: string; readonly user: string };
  'vfio.group_closed': { readonly group: string };
  'vfio.container_set': { readonly group: string; readonly container: string };
  'vfio.container_unset': { readonly group: string };
  'vfio.iommu_set': { readonly container: string };
  /** Memory of the user's was mapped for DMA, with IOMMU_CACHE where the IOMMU has it. */
  'vfio.dma_mapped': { readonly container: string };
  'vfio.iommufd_bound': { readonly dev: string; readonly iommufd: string };
  'vfio.iommufd_unbound': { readonly dev: string };
  'vfio.device_opened': { readonly dev: string; readonly user: string };
  /** It wants to be told, by an interrupt of the device, when it is to go. */
  'vfio.request_armed': { readonly dev: string };
  'vfio.device_closed': { readonly dev: string };
  /** The user that holds its files open under this name is told to close them. */
  'vfio.user_released': { readonly hold: string };
}
