/** Device links of /sys/class/devlink against the emulated ones at the same moment. */
import { createHistory, stateAfter } from '../engine/history.ts';
import type { LinkFlag, LinkState } from '../events/terms.ts';
import type { SysfsLink } from '../import/sysfs-file.ts';
import type { ReadState } from '../model/state/state.ts';
import type { Emulation } from './emulate.ts';
import type { Session } from './session.ts';
import type { Tally } from './tally.ts';

/** How sysfs spells the states. Kernel: drivers/base/core.c:status_show. */
const STATUS: Readonly<Record<LinkState, string>> = {
  NONE: 'not tracked',
  DORMANT: 'dormant',
  AVAILABLE: 'available',
  CONSUMER_PROBE: 'consumer probing',
  ACTIVE: 'active',
  SUPPLIER_UNBIND: 'supplier unbinding',
};

/** Compares the links between devices that the model has, in every snapshot of the recording. */
export function compareLinks(tally: Tally, session: Session, emulation: Emulation): void {
  const history = createHistory(emulation.run.scheduler.events);
  for (const [file, count] of emulation.snapshots) {
    const snapshot = session.snapshots[file];
    if (snapshot === undefined) continue;
    const state = stateAfter(history, count);
    const real = snapshot.devlinks.filter((link) => isModelled(link, state)).map(realLink);
    const mine = state.links.map(modelLink);
    const names = new Set([...real, ...mine].map(([name]) => name));
    const [reals, mines] = [new Map(real), new Map(mine)];
    for (const name of names)
      tally.compare('link', file, name, reals.get(name) ?? 'no link', mines.get(name) ?? 'no link');
  }
}

function isModelled({ supplier, consumer }: SysfsLink, { devices }: ReadState): boolean {
  return devices[supplier] !== undefined && devices[consumer] !== undefined;
}

type Named = readonly [name: string, what: string];

function realLink(link: SysfsLink): Named {
  const { supplier, consumer, status, auto_remove_on, runtime_pm, sync_state_only } = link;
  return [
    `${consumer} on ${supplier}`,
    described(status, auto_remove_on, runtime_pm, sync_state_only),
  ];
}

function modelLink({ supplier, consumer, status, flags }: ReadState['links'][number]): Named {
  const has = (flag: LinkFlag) => flags.includes(flag);
  const removal = has('AUTOREMOVE_CONSUMER')
    ? 'consumer unbind'
    : has('AUTOREMOVE_SUPPLIER')
      ? 'supplier unbind'
      : 'never';
  const what = described(STATUS[status], removal, has('PM_RUNTIME'), has('SYNC_STATE_ONLY'));
  return [`${consumer} on ${supplier}`, what];
}

function described(status: string, removal: string, pm: boolean, syncStateOnly: boolean): string {
  const power = pm ? ', manages power' : '';
  return `${status}, removed: ${removal}${power}${syncStateOnly ? ', for sync_state only' : ''}`;
}
