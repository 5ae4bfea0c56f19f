// Goal: a model that goes on for ever without an event stops no campaign: the run is told of, with its seed,
// and the next ones are made. Method: each fourth user action of a campaign never ends.
import { expect, it, vi } from 'vitest';
import { examine } from '../../src/fuzz/finding.ts';
import { runSegment } from '../../src/fuzz/segment.ts';
import { keyOfError } from '../../src/fuzz/trouble.ts';
import type { Path } from '../../src/model/path.ts';
import { findingStory } from '../../src/report/campaign-lines.ts';

vi.mock('../../src/model/kernel/userspace.ts', async (original) => {
  const { stimulusPath } = await original<typeof import('../../src/model/kernel/userspace.ts')>();
  function* forever(): Path<number> {
    for (;;) yield { type: 'sleep', on: 'nothing' };
  }
  return {
    stimulusPath: (...args: Parameters<typeof stimulusPath>) =>
      args[1].do === 'rescan' ? forever() : stimulusPath(...args),
  };
});

it('a run that loops is a finding, and the campaign goes on', () => {
  const plan = { seed: 5, base: null, kernel: {}, strategy: 'mixed' } as const;
  const { runs, sightings } = runSegment(plan, { segment: 0, runs: 40 });
  expect(runs).toBe(40);
  const message = 'the run makes 100000 steps without an event: sh-1';
  const one = sightings.find(({ key }) => key === keyOfError(message));
  expect(one?.seen).toBeLessThan(40);
  if (one?.trouble === undefined) throw new Error('the run is not told of');
  const finding = examine(one.trouble, { seed: 5, run: one.run });
  expect(finding.message).toContain('100000 steps without an event');
  expect(finding.stimuli).toBeLessThan(4);
  expect(finding.text).toContain(`Found by run ${one.run} of the campaign of seed 5.`);
  const first = { segment: 0, run: one.run, key: one.key, finding };
  const [head] = findingStory({ bug: '', first, keys: new Set() }, 'x.yaml', 5);
  expect(head?.text).toBe(`model error: reprobe itself broke in run ${one.run} of seed 5`);
});
