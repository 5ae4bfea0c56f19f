/** The `prefix device: ` that dev_printk puts before a message. */
import type { LogRecord } from './record.ts';

export interface DevHead {
  /** The driver if one is bound or probing, else the bus, else the class. */
  readonly prefix: string;
  readonly dev: string;
}

const PREFIX = /^[\w.()+,-]{1,64}$/;
/** Names of drivers hold blanks at times; what has other signs in it is a sentence. */
const PREFIX_WORDS = /^[\w.()+,/-]{1,64}(?: [\w.()+,/-]{1,64}){0,2}$/;
const DEV_NAME = /^[\w.:,@+/!#-]{1,128}$/;
/** Buses whose devices have names that nothing else tells from words. */
const BUSES: ReadonlySet<string> = new Set([
  'pci',
  'platform',
  'amba',
  'virtio',
  'pci_express',
  'usb',
  'acpi',
  'auxiliary',
  'i2c',
  'spi',
]);
/**
 * Names of devices: PCI functions and their port services, `5000000.iommu` of devicetree,
 * `arm-smmu-v3.0.auto` and `serial8250.0` of the platform bus, `virtio0`, ports and interfaces of
 * USB. A name of PCI buses, `0000:00`, is none.
 */
const DEVICE =
  /^(?:[0-9a-f]{4,6}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?::pcie\d{3})?|[0-9a-f]{3,16}\.[\w,@-]{1,64}|[a-z]{2}[\w,-]{1,64}\.\d{1,4}(?:\.auto)?|virtio\d{1,5}|\d{1,3}-\d{1,3}(?:\.\d{1,3}){0,6}(?::\d{1,3}\.\d{1,3})?)$/i;
/** A driver and a device of the platform bus that firmware named: `leds-gpio lab-leds`. */
const NAMED_DRIVER = /^[a-z][a-z0-9]*[_-][a-z0-9_-]+$/;
const NAMED_DEVICE = /^[a-z][a-z0-9,_]*[-@][\w,@.-]+$/;
const PCI_FUNCTION = /^[0-9a-f]{4,6}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i;

/**
 * Splits what stands before the first `: `, or null when it is not two words.
 *
 * Network drivers put their interface after the device: `e1000e 0000:01:00.0 eth0`.
 */
export function readDevHead(head: string): DevHead | null {
  const last = head.lastIndexOf(' ');
  if (last <= 0 || last === head.length - 1) return null;
  const space = head.indexOf(' ');
  if (space < last && head.indexOf(' ', space + 1) === last) {
    const second = head.slice(space + 1, last);
    if (PCI_FUNCTION.test(second)) return { prefix: head.slice(0, space), dev: second };
  }
  const prefix = head.slice(0, last);
  const dev = head.slice(last + 1);
  return PREFIX_WORDS.test(prefix) && DEV_NAME.test(dev) ? { prefix, dev } : null;
}

/** Whether the head, of a message that no row knows, is dev_printk's. */
export function isDevice({ prefix, dev }: DevHead, record: LogRecord): boolean {
  if (!PREFIX.test(prefix)) return false;
  if (NAMED_DRIVER.test(prefix) && NAMED_DEVICE.test(dev)) return true;
  return DEVICE.test(dev) || BUSES.has(prefix) || (record.device !== null && record.device === dev);
}
