/** The emulator's command line of a session: what its machine was made of. */
import type { DeviceSpec } from '../events/machine.ts';
import type { Dmar } from '../model/firmware/dmar.ts';
import { type QemuOptions, qemuVirtioIommu, qemuVtd } from '../model/firmware/qemu-units.ts';

/** A device that the command line asks for. */
interface Asked {
  readonly kind: string;
  readonly options: QemuOptions;
}

/** Releases of QEMU whose IOMMUs are known. */
const KNOWN = /^# QEMU .*\bversion (?:7\.\d+|8\.[01])\./m;

/** The devices of the command line, where it is one of a release that is known; else none. */
function askedDevices(cmdline: string | null): readonly Asked[] {
  const text = cmdline?.split('\n# kernel command line')[0] ?? '';
  if (!KNOWN.test(text)) return [];
  const words = text.match(/'[^']*'|[^\s\\]+/g) ?? [];
  // The processor under KVM is the host's.
  if (words.some((word) => word === '-enable-kvm' || /\bkvm\b/.test(word))) return [];
  return words.flatMap((word, i) => {
    if (word !== '-device') return [];
    const [kind = '', ...rest] = (words[i + 1] ?? '').split(',');
    const options = new Map(
      rest.map((one): [string, string] => {
        const [name = '', value = 'on'] = one.split('=');
        return [name, value];
      }),
    );
    return [{ kind, options }];
  });
}

/**
 * The devices with the insides of those IOMMUs that the command line made and whose options are known.
 * Firmware's tables and the options are all that is read; what the kernel printed is not.
 */
export function withQemuUnits(
  devices: readonly DeviceSpec[],
  cmdline: string | null,
  dmar: Dmar | null,
): readonly DeviceSpec[] {
  const asked = askedDevices(cmdline);
  const optionsOf = (kind: string) => asked.find((one) => one.kind === kind)?.options ?? null;
  const [vtd, virtio] = [optionsOf('intel-iommu'), optionsOf('virtio-iommu-pci')];
  return devices.map((device) => {
    const place = dmar?.devices.findIndex(({ name }) => name === device.name) ?? -1;
    const unit = dmar?.units[place];
    if (unit !== undefined && dmar !== null && vtd !== null) {
      const known = qemuVtd(unit, dmar, vtd);
      return known === null ? device : { ...device, vtd: known };
    }
    const isVirtio =
      device.creates?.some(({ iommu_kind }) => iommu_kind === 'virtio-iommu') === true;
    if (!isVirtio || virtio === null) return device;
    const known = qemuVirtioIommu(virtio);
    return known === null ? device : { ...device, viommu: known };
  });
}
