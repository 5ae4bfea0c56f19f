/** Words of the kernel's that events and states are written in. */

/** What a group's DMA goes through. Kernel: IOMMU_DOMAIN_*; the spelling of sysfs `type` where it has one. */
export type DomainType =
  | 'DMA'
  | 'DMA-FQ'
  | 'identity'
  /** An identity domain that a driver made to use PASIDs: not the default one, but like it. */
  | 'identity-pasid'
  | 'blocked'
  | 'unmanaged';

/** printk levels by the kernel's names, most severe first. */
export const PRINTK_LEVELS = [
  'emerg',
  'alert',
  'crit',
  'err',
  'warn',
  'notice',
  'info',
  'debug',
] as const;

export type PrintkLevel = (typeof PRINTK_LEVELS)[number];

/** enum device_link_state; NONE for a link that is not managed. Kernel: include/linux/device.h. */
export type LinkState =
  | 'NONE'
  | 'DORMANT'
  | 'AVAILABLE'
  | 'CONSUMER_PROBE'
  | 'ACTIVE'
  | 'SUPPLIER_UNBIND';

/** DL_FLAG_* in the order of their bits. Kernel: include/linux/device.h. */
export const LINK_FLAGS = [
  'STATELESS',
  'AUTOREMOVE_CONSUMER',
  'PM_RUNTIME',
  'RPM_ACTIVE',
  'AUTOREMOVE_SUPPLIER',
  'AUTOPROBE_CONSUMER',
  'MANAGED',
  'SYNC_STATE_ONLY',
  'INFERRED',
  'CYCLE',
] as const;

export type LinkFlag = (typeof LINK_FLAGS)[number];

/** enum dl_dev_state. Kernel: include/linux/device.h. */
export type LinksStatus = 'NO_DRIVER' | 'PROBING' | 'DRIVER_BOUND' | 'UNBINDING';

/** What an SMMU does with a stream: `boot` is translation by the tables that firmware left. */
export type StreamType = 'boot' | 'translate' | 'bypass' | 'fault';
