/** What happens to PCI buses and functions. The payloads of events, by type. */

export interface PciEvents {
  'pci.sysfs_initialized': Record<never, never>;
  'pci.resource_files': { readonly dev: string; readonly there: boolean };
  'pci.acs_requested': Record<never, never>;
  'pci.bus_added': {
    readonly bus: string;
    readonly bridge: string;
    readonly above: string | null;
    readonly end: number;
  };
  'pci.bus_range': { readonly bus: string; readonly end: number };
  'pci.bus_removed': { readonly bus: string };
  /** `hardware` is the name at boot of the bridge that holds the numbers. */
  'pci.bridge_numbered': {
    readonly hardware: string;
    readonly primary: number;
    readonly secondary: number;
    readonly subordinate: number;
  };
  'pci.bridge_impaired': {
    readonly dev: string;
    readonly how: 'no-bus' | 'bus-refused' | 'window-shut' | 'no-room';
  };
  /** The function that was `hardware` at boot is found as `dev`. */
  'pci.renumbered': { readonly dev: string; readonly hardware: string };
  'pci.plugged': { readonly hardware: string };
  'pci.unplugged': { readonly hardware: string };
  'pci.acs_enabled': { readonly dev: string };
}
