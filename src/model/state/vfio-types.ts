/** The state of VFIO. Written by reducers only. */

/** struct vfio_group. */
export interface VfioGroup {
  name: string;
  iommu_group: number | null;
  devices: string[];
  opened_by: string | null;
  container: string | null;
  /** Given back, and excused until their drivers are gone. */
  unbound_list: string[];
}

/** struct vfio_container: its IOMMU backend is set. What it maps is with all mappings, under its name. */
export interface VfioContainer {
  iommu: boolean;
}
