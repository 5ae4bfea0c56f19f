// What is exported of recorded sessions are the commands that were typed there.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSessionFolder, readTwin } from '../../../src/commands/read-session.ts';
import { parseAction } from '../../../src/import/action.ts';
import { printAction } from '../../../src/import/action-print.ts';
import { findingOf } from '../../../src/report/export/finding.ts';
import { GUARD_END } from '../../../src/report/export/guard.ts';
import { shellScript } from '../../../src/report/export/shell.ts';
import { driverKnowledge } from '../../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../../src/scenario/parse.ts';
import { deriveMachine } from '../../../src/verify/machine.ts';
import { TRACES } from '../../corpora.ts';

const SESSIONS = {
  leak: 's02-bs61-ownercnt-plain',
  splitGroups: 's04x-c61-split-groups-plain',
  rescanAfterUnload: 's03x-cm61-rmmod-rescan-oops-plain',
} as const;
const isThere = existsSync(join(TRACES, SESSIONS.leak));

/** The actions that change anything, as they were typed but for where modprobe is. */
async function actionsOf(name: string): Promise<readonly string[]> {
  const { actions } = await readSessionFolder(join(TRACES, name));
  return (actions?.actions ?? [])
    .map(({ command }) => command.replace(/^\/sbin\//, ''))
    .filter((command) => parseAction(command).do !== 'note');
}

/** The session's machine with its actions, exported. */
async function scriptOf(name: string): Promise<string> {
  const folder = join(TRACES, name);
  const session = await readSessionFolder(folder);
  const { machine, kernel } = deriveMachine(session, await readTwin(folder));
  const stimuli = [{ do: 'boot' } as const, ...(await actionsOf(name)).map(parseAction)];
  return shellScript(findingOf(name, '', { machine, kernel, stimuli, choices: [] }));
}

/** What is typed, without what runs beside the rest and what waits for it. */
const typed = (script: string): readonly string[] =>
  script
    .slice(script.indexOf(GUARD_END))
    .split('\n')
    .map((line) => line.replace(/ &$/, ''))
    .filter((line) => !line.startsWith('#') && parseAction(line).do !== 'note')
    .map((line) => line.replaceAll('vfio_pci', 'vfio-pci'));

describe.skipIf(!isThere)(`recordings of ${TRACES} (skipped where absent)`, () => {
  it.each(Object.values(SESSIONS))('%s: the commands are those of the session', async (name) => {
    const commands = await actionsOf(name);
    expect(commands.length).toBeGreaterThan(8);
    expect(typed(await scriptOf(name))).toEqual(commands);
  });

  it('tells of the leak what the program of the recording was told', async () => {
    const script = await scriptOf(SESSIONS.leak);
    const [, first = ''] = script.split('\nlab vfio 1 0000:01:00.0 dma\n');
    expect(first).toMatch(
      /^# {3}-> open \/dev\/vfio\/1 = 0\n# {3}-> VFIO_GROUP_GET_STATUS = 0 flags=0x0\n# {3}-> VFIO_GROUP_SET_CONTAINER = -EPERM/,
    );
    expect(script).toContain('#     -M virt,iommu=smmuv3,gic-version=3 \\\n');
    expect(script).toContain('-device nvme,serial=');
  });

  it('asks QEMU for the functions that the recording asked it for', async () => {
    for (const name of Object.values(SESSIONS)) {
      const cmdline = readFileSync(join(TRACES, name, 'cmdline.txt'), 'utf8');
      const asked = [...cmdline.matchAll(/^ {2}(pcie-root-port|e1000e|nvme|virtio-net-pci),/gm)];
      const exported = [
        ...(await scriptOf(name)).matchAll(
          /-device '?(pcie-root-port|e1000e|nvme|virtio-net-pci),/g,
        ),
      ];
      const kinds = (found: RegExpMatchArray[]) => found.map(([, kind]) => kind).sort();
      expect(kinds(exported)).toEqual(kinds(asked));
    }
  });

  it.each([
    ['test-remove-leaves-owner_cnt', SESSIONS.leak],
    ['two-functions-get-two-groups', SESSIONS.splitGroups],
  ])('%s has its commands from there, in their order', async (name, session) => {
    const text = readFileSync(`scenarios/${name}.yaml`, 'utf8');
    const scenario = parseScenario(text, name, driverKnowledge);
    const bare = (command: string) => command.replace(/^lab vfio \d+ (\S+).*/, 'lab vfio $1');
    const commands = scenario.steps.flatMap((step) => printAction(step) ?? []).map(bare);
    const recorded = (await actionsOf(session)).map(bare);
    let at = -1;
    for (const command of commands) {
      const next = recorded.indexOf(command, at + 1);
      expect([command, next]).not.toEqual([command, -1]);
      at = next;
    }
    expect(commands.length).toBe(scenario.steps.length - 1);
  });
});
