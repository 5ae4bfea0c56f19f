import { describe, expect, it } from 'vitest';
import type { Between } from '../../src/bisect/between.ts';
import type { StimulusBisection } from '../../src/bisect/stimuli.ts';
import { betweenStory, stimuliStory } from '../../src/report/stimuli-story.ts';
import { BOOT, UNBIND_NIC } from '../model/small-machine.ts';

const textOf = (lines: readonly { readonly text: string }[]): string =>
  lines.map(({ text }) => text).join('\n');

describe('stimuliStory', () => {
  const tell = (found: StimulusBisection) => textOf(stimuliStory(found, 'INV-BAL of a', 5));

  it('names the stimulus, and says of each whether it is needed', () => {
    const text = tell({
      ...{ kind: 'found', index: 1, stimulus: UNBIND_NIC, evaluations: 7 },
      each: [
        { index: 0, stimulus: BOOT, needed: null },
        { index: 1, stimulus: UNBIND_NIC, needed: true },
      ],
    });
    expect(text).toContain('INV-BAL of a: bad with stimulus 2 of 5');
    expect(text).toMatch(/^ {2}1 {2}boot +cannot be told$/m);
    expect(text).toMatch(/^ {2}2 {2}echo .*unbind +needed$/m);
    expect(text).toContain('asked of 7 runs');
  });

  it.each<[StimulusBisection, string]>([
    [{ kind: 'holds', evaluations: 2 }, 'after none of 5 stimuli'],
    [{ kind: 'badFromStart', after: 0, evaluations: 2 }, 'without a stimulus'],
    [{ kind: 'badFromStart', after: 1, evaluations: 2 }, 'after 1 stimulus, before which'],
    [{ kind: 'notMonotone', reason: 'it healed', evaluations: 2 }, 'not monotone: it healed'],
    [{ kind: 'inconclusive', reason: 'skipped', evaluations: 2 }, 'inconclusive: skipped'],
  ])('tells of %j', (found, part) => {
    expect(tell(found)).toContain(part);
  });
});

describe('betweenStory', () => {
  const patch = { kind: 'patch', name: 'vfio_claims', from: true, to: false } as const;
  const found: Between = {
    ...{ kind: 'found', differences: [patch, { kind: 'schedule' }], smallest: [patch] },
    ...{ without: 'good', evaluations: 5 },
  };
  const tell = (one: Between) => textOf(betweenStory(one, 'INV-BAL of a', 'g.yaml', 'b.yaml'));

  it('tells the smallest differences, verified both ways', () => {
    const text = tell(found);
    expect(text).toContain('of 2 differences this one makes g.yaml bad');
    expect(text).toContain('  without patch vfio_claims');
    expect(text).toContain('verified both ways: g.yaml with it is bad, b.yaml without it is good');
  });

  it('tells where only one way was verified, or nothing was found', () => {
    expect(tell({ ...found, without: 'bad' })).toContain('is bad as well, for another reason');
    expect(tell({ ...found, without: 'skip' })).toContain('cannot be judged');
    const reason = 'the inputs do not differ';
    expect(tell({ kind: 'inconclusive', reason, evaluations: 2 })).toContain(reason);
  });
});
