/** How a person sees on a machine that an invariant is broken: commands and what they show. */
import type { Trace } from '../../events/trace.ts';
import type { Violation } from '../../invariants/invariant.ts';

interface Sight {
  /** A command that shows it, or null. */
  readonly command: string | null;
  readonly shows: string;
}

type See = (violation: Violation, trace: Trace) => readonly Sight[];

const BDF = /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** The folder of a device in sysfs. */
function folderOf(dev: string, { header }: Trace): string {
  const bus = BDF.test(dev)
    ? 'pci'
    : (header.machine.devices.find(({ name }) => name === dev)?.bus ?? 'platform');
  return `/sys/bus/${bus}/devices/${dev}`;
}

const driverOf = (dev: string, trace: Trace) => `readlink ${folderOf(dev, trace)}/driver`;
const groupOf = (dev: string, trace: Trace) => `readlink ${folderOf(dev, trace)}/iommu_group`;
const DMESG = (what: string): Sight => ({ command: 'dmesg | tail -n 40', shows: what });

/** owner_cnt is in no file: only who asks for the group is refused. */
const OWNER: readonly Sight[] = [
  {
    command: null,
    shows:
      'owner_cnt is in no file: VFIO_GROUP_GET_STATUS of the group comes without ' +
      'VFIO_GROUP_FLAGS_VIABLE (flags=0x0), and VFIO_GROUP_SET_CONTAINER fails with -EPERM, though ' +
      'no driver of the kernel is bound to any device of it; QEMU says that the group is not viable',
  },
];
const waiting: Sight = {
  command: 'cat /sys/kernel/debug/devices_deferred',
  shows: 'names the devices that wait',
};

const SEE: Readonly<Record<string, See>> = {
  'dma_cleanup-balances-dma_configure': () => OWNER,
  'owner_cnt-matches-users': () => OWNER,
  'idle-group-has-no-owner': () => OWNER,
  'user-owned-group-has-no-kernel-driver': ({ subject }) => [
    {
      command: `ls -l ${groupFolder(subject)}/devices/*/driver`,
      shows: 'names a driver of the kernel beside vfio-pci, while the user has the group',
    },
  ],
  'vfio-takes-what-snoops-and-no-other': ({ subject }, trace) => [
    {
      command: driverOf(subject, trace),
      shows: 'is vfio-pci where VFIO takes it; else the bind fails with -EINVAL',
    },
  ],
  'what-passes-the-caches-is-flushed': () => [
    { command: null, shows: 'nothing shows it but the data: the device and the CPU see different' },
  ],
  'smmu-is-wired-as-firmware-and-register-say': () => [
    {
      command: "dmesg | grep -i 'coheren\\|CTTW\\|overridden'",
      shows: 'tells what firmware and the id register say of table walks',
    },
  ],
  'non-isolated-devices-share-a-group': ({ subject }, trace) => [
    { command: groupOf(subject, trace), shows: 'is another group than that of its neighbours' },
    {
      command: "dmesg | grep 'iommu group'",
      shows: 'tells which device joined which group, and when',
    },
  ],
  'client-binds-after-its-iommu': ({ subject }, trace) => [
    { command: driverOf(subject, trace), shows: 'names a driver' },
    { command: groupOf(subject, trace), shows: 'names no group, or one that came later' },
  ],
  'device-is-shut-down-or-removed-once': () => [DMESG('is what the console shows last')],
  'managed-links-form-no-cycle': () => [
    waiting,
    { command: 'ls /sys/class/devlink', shows: 'lists who depends on whom' },
  ],
  'nothing-waits-for-what-is-there': () => [waiting],
  'supplier-cleans-up-after-its-consumers-came': ({ subject }, trace) => [
    {
      command: `cat ${folderOf(subject, trace)}/state_synced`,
      shows: 'is 1 before all its consumers are bound',
    },
  ],
  'no-live-reference-to-a-gone-driver': () => [
    { command: 'ls /sys/class/iommu', shows: 'does not list the IOMMU: it is gone' },
    {
      command: null,
      shows: 'the next device that appears on such a bus is offered to it, and the kernel oopses',
    },
  ],
  'smmus-are-bound-when-masters-are-searched-for': ({ subject }, trace) => [
    {
      command: driverOf(subject, trace),
      shows: 'names a driver, and yet its masters are in no group',
    },
  ],
  'one-context-has-one-mapping': () => [
    { command: null, shows: 'faults of the IOMMU once both devices use DMA' },
  ],
  'dma_ops-fit-the-mapping': () => [DMESG('has an oops or a fault once the device uses DMA')],
  'running-dma-is-not-cut-off': () => [
    { command: "dmesg | grep -i 'fault\\|event'", shows: 'has faults of the device from then on' },
  ],
  'kernel-does-not-oops': ({ message }) => [DMESG(`has the oops: ${message}`)],
};

/** Null for an invariant that nothing is known of. */
export function waysToSee(violation: Violation, trace: Trace): readonly Sight[] | null {
  const see = Object.hasOwn(SEE, violation.invariant) ? SEE[violation.invariant] : undefined;
  return see?.(violation, trace) ?? null;
}

function groupFolder(subject: string): string {
  const number = /^group (\d+)$/.exec(subject)?.[1] ?? '*';
  return `/sys/kernel/iommu_groups/${number}`;
}
