/** Path calls of the emulated run, recorded as kprobes record the kernel's. */
import type { PathProbe } from '../model/context.ts';
import type { ReadState } from '../model/state/state.ts';

/** A call of a probed function, with the counters as they were when it was entered. */
export interface ModelCall {
  /** The name that recordings have for the function. */
  readonly probe: string;
  /** The device or group it was called for; '' where neither tells calls apart. */
  readonly subject: string;
  readonly drv: string | null;
  readonly ret: number | null;
  readonly owner_cnt: number | null;
  readonly owned: boolean | null;
  readonly action: number;
  /** It was made before user space ran. */
  readonly booting: boolean;
}

/** Kernel function to the name of its probe in a recording. */
const PROBES: ReadonlyMap<string, string> = new Map([
  ['really_probe', 'really_probe'],
  ['device_links_check_suppliers', 'check_suppliers'],
  ['driver_deferred_probe_check_state', 'check_state'],
  ['of_iommu_configure', 'of_iommu_configure'],
  ['acpi_iommu_configure_id', 'acpi_iommu_configure_id'],
  ['iommu_device_use_default_domain', 'use_default_domain'],
  ['iommu_device_unuse_default_domain', 'unuse_default_domain'],
  ['iommu_group_claim_dma_owner', 'claim_group'],
  ['iommu_group_release_dma_owner', 'release_group'],
  ['iommu_group_dma_owner_claimed', 'dma_owner_claimed'],
  ['__iommu_probe_device', '__iommu_probe_device'],
  ['iommu_probe_device', 'iommu_probe_device'],
  ['iommu_release_device', 'iommu_release_device'],
  ['iommu_device_register', 'iommu_device_register'],
  ['bus_iommu_probe', 'bus_iommu_probe'],
  ['iommu_device_unregister', 'iommu_device_unregister'],
  ['device_iommu_capable', 'device_iommu_capable'],
  ['driver_bound', 'driver_bound'],
  ['iommu_group_add_device', 'group_add_device'],
]);

/** Initcalls of the model that a log with initcall_debug shows the calls of. */
export const INITCALLS: ReadonlySet<string> = new Set([
  'iommu_subsys_init',
  'pci_sysfs_init',
  'deferred_probe_initcall',
]);

/** Probes of functions whose first argument is a group. */
const OF_GROUPS = new Set([
  'claim_group',
  'release_group',
  'dma_owner_claimed',
  'group_add_device',
]);
/** Probes whose calls are told apart by their order alone. */
const OF_NOTHING = new Set(['iommu_device_register', 'bus_iommu_probe', 'iommu_device_unregister']);
/** Probes of functions that return nothing, or nothing that a recording holds. */
const WITHOUT_RET = new Set(['group_add_device', 'driver_bound', 'release_group']);

/** What a call is about: the device or group that recordings name; '' for none. */
function subjectOf(probe: string, args: readonly unknown[]): string {
  return OF_NOTHING.has(probe) ? '' : String(args[0]);
}

/** The key under which an initcall meets its line in the log. */
export const initcallKey = (name: string): string => `initcall ${name}`;

/** The key under which a call meets those that a recording has; null for a path without a probe. */
export function keyOfModelCall(name: string, args: readonly unknown[]): string | null {
  if (INITCALLS.has(name)) return initcallKey(name);
  const probe = PROBES.get(name);
  return probe === undefined ? null : `${probe} ${subjectOf(probe, args)}`;
}

type Draft = { -readonly [K in keyof ModelCall]: ModelCall[K] };

export interface CallRecorder {
  readonly probe: PathProbe;
  readonly calls: readonly ModelCall[];
  /** The action under way, written into each call. */
  action: number;
  /** The kernel's own boot is under way. */
  booting: boolean;
  /** Gives the state that counters are read from. */
  attach(state: ReadState): void;
}

/** A recorder of calls for one run. With `holds` tasks can be held before them. */
export function createCallRecorder({ holds }: { readonly holds: boolean }): CallRecorder {
  const calls: Draft[] = [];
  let state: ReadState | null = null;
  const recorder: CallRecorder = {
    calls,
    action: 0,
    booting: false,
    attach: (given) => {
      state = given;
    },
    probe: {
      holds,
      watches: (name) => PROBES.has(name) || INITCALLS.has(name),
      enter(name, args) {
        const probe = PROBES.get(name);
        if (probe === undefined || state === null) return undefined;
        calls.push({
          ...entered(probe, args, state),
          action: recorder.action,
          booting: recorder.booting,
        });
        return calls.length - 1;
      },
      leave(call, ret) {
        const draft = calls[call];
        if (draft === undefined || WITHOUT_RET.has(draft.probe)) return;
        if (typeof ret === 'number') draft.ret = ret;
        if (typeof ret === 'boolean') draft.ret = Number(ret);
      },
    },
  };
  return recorder;
}

function entered(
  probe: string,
  args: readonly unknown[],
  state: ReadState,
): Omit<Draft, 'action' | 'booting'> {
  const subject = subjectOf(probe, args);
  const id = OF_GROUPS.has(probe) ? subject : String(state.devices[subject]?.iommu_group ?? '');
  const group = state.groups[id];
  return {
    probe,
    subject,
    drv: probe === 'really_probe' ? String(args[1]) : null,
    ret: null,
    owner_cnt: group?.owner_cnt ?? null,
    owned: group === undefined ? null : group.owner !== null,
  };
}
