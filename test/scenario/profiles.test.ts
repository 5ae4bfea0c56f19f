// Goal: releases differ where the patch table says, and nowhere else. Method: each scenario is run
// under a profile, and under the next one with every patch set to what the first one has.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Change, rerunTrace } from '../../src/bisect/rerun.ts';
import { runAll } from '../../src/engine/run.ts';
import { PATCH_NAMES, PROFILES, profileHas } from '../../src/model/versions/profile.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

const files = readdirSync('scenarios').filter((file) => file.endsWith('.yaml'));

function patchesOf(profile: string): Record<string, boolean> {
  return Object.fromEntries(PATCH_NAMES.map((name) => [name, profileHas(profile, name)]));
}

describe.each(files)('%s', (file) => {
  const text = readFileSync(`scenarios/${file}`, 'utf8');
  const { machine, kernel, steps, choices } = parseScenario(text, file, driverKnowledge);
  const asWritten = runAll({ machine, kernel }, steps, { choices }).trace();
  const eventsUnder = (change: Change) =>
    rerunTrace(asWritten, change).events.map(({ event, task }) => ({ event, task }));

  it('is run by each release as its patches say', () => {
    for (const [i, next] of PROFILES.slice(1).entries()) {
      const profile = PROFILES[i] ?? next;
      const asBefore = eventsUnder({ version: next, patches: patchesOf(profile) });
      expect(asBefore, `${next} as ${profile}`).toEqual(eventsUnder({ version: profile }));
    }
  });
});
