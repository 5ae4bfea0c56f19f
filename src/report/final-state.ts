/** How the system stands, in a few lines: groups, what is deferred, whether it died. */
import type { ReadGroup, ReadState } from '../model/state/state.ts';
import { aligned, type Line, line } from './line.ts';

export function finalState(state: ReadState): readonly Line[] {
  const waiting = [...state.deferred.pending, ...state.deferred.active];
  return [
    ...groupLines(Object.values(state.groups)),
    ...waiting.map((dev) => line(`deferred: ${dev}${reasonOf(state, dev)}`)),
    ...(state.oops === null ? [] : [line(`oops in ${state.oops}`, 'bad')]),
  ];
}

function groupLines(groups: readonly ReadGroup[]): readonly Line[] {
  if (groups.length === 0) return [line('no IOMMU groups', 'dim')];
  const rows = groups.map(({ id, devices, owner_cnt, owner, domain, default_domain }) => [
    String(id),
    String(owner_cnt),
    owner ?? '-',
    domain === default_domain
      ? (domain ?? '-')
      : `${domain ?? '-'} (default ${default_domain ?? '-'})`,
    devices.join(' '),
  ]);
  const [heading, ...body] = aligned(
    [['group', 'owner_cnt', 'owner', 'domain', 'devices'], ...rows],
    [0, 1],
  );
  return heading === undefined ? body : [{ ...heading, tone: 'head' }, ...body];
}

function reasonOf(state: ReadState, dev: string): string {
  const reason = state.devices[dev]?.deferred_reason ?? null;
  return reason === null ? '' : ` (${reason})`;
}
