/** The order in which a machine boots. */
import { type BootStep, type DeviceSpec, type DriverSpec, isX86Iommu } from '../events/machine.ts';
import type { Dice } from './drawn.ts';

const isIommuStep = ({ iommu_kind }: DeviceSpec): boolean => isX86Iommu(iommu_kind);

/**
 * The steps of a boot; none for the default, by initcall levels. IOMMUs of x86 come up by a step of
 * their own, before the drivers of other devices, so that machines with them always have a list.
 */
export function anyBoot(
  dice: Dice,
  devices: readonly DeviceSpec[],
  drivers: readonly DriverSpec[],
): readonly BootStep[] {
  const iommus = devices
    .filter(isIommuStep)
    .map(({ name }): BootStep => ({ step: 'iommu', iommu: name }));
  if (iommus.length === 0 && !dice.percent(35)) return [];
  const built = drivers
    .filter(({ module }) => module === null)
    .map(({ bus, name }): BootStep => ({ step: 'driver', bus, drv: name }));
  const ordered = dice.percent(70) ? dice.shuffle(built) : built;
  const early = iommus.length === 0 && dice.percent(50) ? dice.below(ordered.length + 1) : 0;
  const late = devices.filter(({ bus, pci, parent }) => isMovable(bus, pci, parent));
  const moved = dice.some(late, 8).map(({ name }): BootStep => ({ step: 'device', dev: name }));
  const rest = [...ordered.slice(early), ...moved];
  return [
    ...ordered.slice(0, early),
    { step: 'populate' },
    ...iommus,
    ...(moved.length > 0 || dice.percent(20) ? dice.shuffle(rest) : rest),
    { step: 'late_initcall' },
  ];
}

/** Is the device one of firmware's, that another initcall might as well make? */
function isMovable(bus: string, pci: DeviceSpec['pci'], parent: string | null): boolean {
  return bus === 'platform' && pci === undefined && parent === null;
}
