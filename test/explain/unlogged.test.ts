// Logs of which the line of one user's action is taken out: where the rest makes no sense without it,
// the search is to come up with that action, at a place where it does the same.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runAll } from '../../src/engine/run.ts';
import type { Stimulus } from '../../src/events/stimulus.ts';
import { doingOf } from '../../src/explain/assumption.ts';
import { explain, type Search } from '../../src/explain/search.ts';
import { logWitness } from '../../src/explain/witness.ts';
import { printAction } from '../../src/import/action-print.ts';
import { importRead } from '../../src/import/import.ts';
import { readWhole } from '../../src/import/read-log.ts';
import { TRACES } from '../corpora.ts';
import { BOOT, NIC, NIC_GROUP, smallSystem } from '../model/small-machine.ts';

const OPTIONS = { name: 'log', version: null, config: {}, patches: {}, machine: null };
const system = smallSystem({ acs: true });
const HOLD = '/tmp/held';
const VFIO = { bus: 'pci', drv: 'vfio-pci', dev: NIC } as const;

/** A user takes the card, keeps it while its driver is to go, and gives it back. */
const STEPS = {
  module: { do: 'modprobe', module: 'vfio_pci', params: '' },
  backend: { do: 'modprobe', module: 'vfio_iommu_type1', params: '' },
  override: { do: 'driver_override', bus: 'pci', dev: NIC, drv: 'vfio-pci' },
  unbind: { do: 'unbind', bus: 'pci', drv: 'e1000e', dev: NIC },
  bind: { do: 'bind', ...VFIO },
  open: {
    ...{ do: 'vfio', group: String(NIC_GROUP), dev: NIC, dma: false, nocontainer: false },
    ...{ nodevice: false, hold: HOLD },
  },
  back: { do: 'unbind', ...VFIO },
  close: { do: 'vfio_release', hold: HOLD },
} satisfies Readonly<Record<string, Stimulus>>;
type Step = keyof typeof STEPS;

/** What such a run prints, with a mark for each action but `unseen`. */
function logOf(unseen: Step | null): string {
  const { events } = runAll(system, [BOOT, ...Object.values(STEPS)], { choices: [] }).trace();
  const hidden = unseen === null ? null : printAction(STEPS[unseen]);
  const texts = events.flatMap(({ event }): readonly string[] => {
    if (event.type === 'printk') return [event.text];
    const command = event.type === 'task.started' ? printAction(event.stimulus) : null;
    return command === null || command === hidden ? [] : [`reprobe-action: 1: ${command}`];
  });
  return texts.map((text, i) => `[${(i / 10).toFixed(6).padStart(12)}] ${text}\n`).join('');
}

const isAction = (subject: string): boolean => subject.startsWith('action ');

/** What explains the log; where only actions are in doubt, it is found sooner. */
function searched(log: string, onlyActions = true): Search {
  const read = readWhole(Buffer.from(log));
  const options = { ...OPTIONS, version: '6.1', machine: system.machine };
  const isKnown = (subject: string) => onlyActions && !isAction(subject);
  return explain(logWitness(read, options, importRead(read, options)), isKnown);
}

const doings = ({ hypotheses }: Search): readonly string[] =>
  hypotheses
    .filter(({ leaves }) => leaves === 0)
    .flatMap(({ assumptions }) =>
      assumptions.flatMap((one) => (one.kind === 'action' ? [doingOf(one)] : [])),
    );

describe('a log of a user who holds the card that is to be given back', () => {
  it('makes sense as it is', () => {
    expect(logOf(null)).toContain('blocked until released by user');
    expect(searched(logOf(null))).toMatchObject({ hypotheses: [], runs: 1 });
  });

  it.each<[Step, string]>([
    ['backend', 'modprobe vfio_iommu_type1'],
    ['unbind', `echo ${NIC} > /sys/bus/pci/devices/${NIC}/driver/unbind`],
    ['bind', `echo ${NIC} > /sys/bus/pci/drivers/vfio-pci/bind`],
    ['open', `VFIO user opens group ${NIC_GROUP} for ${NIC}`],
    ['back', `echo ${NIC} > /sys/bus/pci/devices/${NIC}/driver/unbind`],
  ])(
    'tells the %s that it does not show',
    (unseen, doing) => {
      const search = searched(logOf(unseen));
      expect(search.asItIs.disagreements.length).toBeGreaterThan(0);
      expect(doings(search)).toContain(doing);
    },
    60_000,
  );

  it('puts the action where the log needs it, and calls its events assumed', () => {
    const log = logOf('back');
    const line = log.split('\n').findIndex((text) => text.includes('blocked until')) + 1;
    const [best] = searched(log).hypotheses;
    expect(best?.assumptions).toMatchObject([{ kind: 'action', line }]);
    const started = best?.testimony.trace.events.filter(
      ({ event, origin }) => event.type === 'task.started' && origin === 'assumed',
    );
    expect(started?.map(({ event }) => event)).toContainEqual({
      type: 'task.started',
      stimulus: { do: 'unbind', bus: 'pci', drv: '', dev: NIC },
    });
  }, 60_000);

  it('tells one doing once, though it would do in several places', () => {
    const found = doings(searched(logOf('backend')));
    expect(new Set(found).size).toBe(found.length);
  }, 60_000);
});

/** The recording without the action on a line of its log. */
function without(name: string, command: string): Search {
  const log = readWhole(readFileSync(join(TRACES, name, 'dmesg.txt')));
  const unseen = log.observations.find(({ fields }) => fields['command'] === command);
  expect(unseen).toBeDefined();
  const read = { ...log, observations: log.observations.filter((one) => one !== unseen) };
  return explain(logWitness(read, OPTIONS, importRead(read, OPTIONS)), (one) => !isAction(one));
}

const NONCOHERENT = 's08-c61-dt-smmu-noncoh-plain';
const OOPS = 's03x-cm61-rmmod-rescan-oops-plain';

describe.skipIf(![NONCOHERENT, OOPS].every((name) => existsSync(join(TRACES, name))))(
  `recordings of ${TRACES} (skipped where absent)`,
  () => {
    it.each([
      [
        NONCOHERENT,
        `echo ${NIC} > /sys/bus/pci/drivers/e1000e/unbind`,
        `echo ${NIC} > /sys/bus/pci/devices/${NIC}/driver/unbind`,
      ],
      [
        NONCOHERENT,
        `echo ${NIC} > /sys/bus/pci/drivers/vfio-pci/bind`,
        `echo ${NIC} > /sys/bus/pci/drivers/vfio-pci/bind`,
      ],
      [OOPS, 'rmmod arm_smmu_v3', 'rmmod arm_smmu_v3'],
    ])(
      '%s without %s',
      (name, command, doing) => {
        expect(doings(without(name, command))[0]).toBe(doing);
      },
      60_000,
    );
  },
);
