// The yardstick: what a person would write who needs only this workload's events, without a
// vocabulary, tables by name or the two lanes. Maps and in-place mutation.

/** Folds events in a plain loop and returns the devices and groups. */
export function foldByHand(events) {
  const devices = new Map();
  const groups = new Map();
  const pending = [];
  for (const { event } of events) {
    switch (event.type) {
      case 'device.added':
        devices.set(event.dev, {
          driver: null,
          bound: false,
          uses: 0,
          group: null,
          matched: false,
        });
        break;
      case 'probe.matched':
        devices.get(event.dev).matched = true;
        break;
      case 'probe.started':
        devices.get(event.dev).driver = event.drv;
        break;
      case 'driver.bound':
        devices.get(event.dev).bound = true;
        break;
      case 'device.unbind_cleanup':
        devices.get(event.dev).driver = null;
        break;
      case 'driver.unbound':
        devices.get(event.dev).bound = false;
        break;
      case 'links.status':
        devices.get(event.dev).links = event.status;
        break;
      case 'dma.configured':
        if (event.ret === 0) devices.get(event.dev).configured = true;
        break;
      case 'dma.cleaned':
        devices.get(event.dev).configured = false;
        break;
      case 'group.allocated':
        groups.set(event.group, { devices: [], owner_cnt: 0, domain: null });
        break;
      case 'group.joined':
        groups.get(event.group).devices.push(event.dev);
        devices.get(event.dev).group = event.group;
        break;
      case 'group.attached':
        groups.get(event.group).domain = event.domain;
        break;
      case 'owner.used':
        if (event.ret === 0) {
          groups.get(event.group).owner_cnt += 1;
          devices.get(event.dev).uses += 1;
        }
        break;
      case 'owner.unused':
        groups.get(event.group).owner_cnt -= 1;
        devices.get(event.dev).uses -= 1;
        break;
      case 'deferred.added':
        pending.push(event.dev);
        break;
      case 'deferred.triggered':
        pending.length = 0;
        break;
      default:
        break;
    }
  }
  return { devices, groups };
}
