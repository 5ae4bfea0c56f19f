/** Names of PCI devices as people type them. */

const SHORT = /^[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i;
const SHORT_IN_PATH = /(?<=^|\.)[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?=\.|$)/gi;

/** `02:00.1` is in domain 0000, as lspci has it; any other name is left as it is. */
export function deviceNamed(given: string): string {
  return SHORT.test(given) ? `0000:${given.toLowerCase()}` : given;
}

/** The same for a device in a path: `devices.02:00.1.driver`. */
export function pathNamed(given: string): string {
  return given.replace(SHORT_IN_PATH, deviceNamed);
}
