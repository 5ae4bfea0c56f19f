/** The bus of a device by the shape of its name, for devices that only a line of their driver's tells of. */

const SHAPES: readonly (readonly [bus: string, name: RegExp])[] = [
  ['pci', /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/],
  ['i2c', /^\d{1,4}-[0-9a-f]{4}$/],
  ['i2c', /^i2c-[\w:]{1,64}$/],
  ['spi', /^spi\d{1,4}\.\d{1,4}$/],
  ['hid', /^[0-9A-F]{4}:[0-9A-F]{4}:[0-9A-F]{4}\.[0-9A-F]{4}$/],
  ['usb', /^\d{1,4}-[\d.]{1,32}(?::\d{1,4}\.\d{1,4})?$/],
  ['usb', /^usb\d{1,4}$/],
  ['virtio', /^virtio\d{1,4}$/],
  ['pnp', /^[0-9a-f]{2}:[0-9a-f]{2}$/],
  ['mdio_bus', /^[\w.@-]{1,64}:[0-9a-f]{2}$/],
  ['fsl-mc', /^dp[a-z]{1,8}\.\d{1,6}$/],
];

/** `platform` for a name in no other bus's shape. */
export function busOfName(dev: string): string {
  return SHAPES.find(([, shape]) => shape.test(dev))?.[0] ?? 'platform';
}
