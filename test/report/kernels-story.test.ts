import { describe, expect, it } from 'vitest';
import type { KernelBisection, Turn } from '../../src/bisect/kernels.ts';
import { type KernelsStory, kernelsStory } from '../../src/report/kernels-story.ts';

const FIX: Turn = {
  ...{ kind: 'fix', from: '6.5.0', to: '6.6.0' },
  responsible: {
    culprits: [{ name: 'test_remove_dma_cleanup', on: true }],
    alternatives: [],
    needed: [{ name: 'test_remove_dma_cleanup', on: true }],
    restsOn: ['bus_dma_cleanup'],
    ...{ differ: 4, asked: 1 },
  },
  stable: [{ series: '6.1', release: '6.1.53' }],
};

const FOUND: KernelBisection = {
  releases: [
    { release: '6.4.0', verdict: 'bad' },
    { release: '6.5.0', verdict: 'bad' },
    { release: '6.6.0', verdict: 'good' },
    { release: '6.7.0', verdict: 'skip' },
  ],
  ...{ turns: [FIX], given: null, evaluations: 9 },
};

function tell(bisection: Partial<KernelBisection>, more: Partial<KernelsStory> = {}): string {
  const story: KernelsStory = {
    ...{ find: 'fix', what: 'INV-BAL of a', proposals: [] },
    ...{ bisection: { ...FOUND, ...bisection }, ...more },
  };
  return kernelsStory(story)
    .map(({ text }) => text)
    .join('\n');
}

describe('kernelsStory', () => {
  it('tells the releases in ranges, the patch that turns them, and how sure that is', () => {
    const text = tell({});
    expect(text).toMatch(/^INV-BAL of a: good since 6\.6\.0$/m);
    expect(text).toMatch(/^ {2}6\.4\.0 to 6\.5\.0 +bad$/m);
    expect(text).toMatch(/^ {2}6\.7\.0 +cannot be judged$/m);
    expect(text).toContain('by      test_remove_dma_cleanup: f429378a9bf8');
    expect(text).toContain('alone is enough, and without it it does not turn');
    expect(text).toContain('rests on what was there before: bus_dma_cleanup (5.19)');
    expect(text).toContain('stable releases that turn with it: 6.1.53');
  });

  it('tells of patches that matter together, and of others that do it too', () => {
    const step = (name: 'bus_dma_ownership' | 'dma_ownership_iface' | 'vfio_claims') => {
      return { name, on: true } as const;
    };
    const culprits = [step('dma_ownership_iface'), step('bus_dma_ownership')];
    const both = { ...FIX.responsible, culprits, needed: [...culprits, step('vfio_claims')] };
    const text = tell({ turns: [{ ...FIX, responsible: both }] });
    expect(text).toContain('are enough together, none of them is alone');
    expect(text).toContain('without any of them it does not turn');
    expect(text).toContain('needed beside it: vfio_claims');
    const alone = { ...FIX.responsible, needed: [], alternatives: [step('vfio_claims')] };
    const other = tell({ turns: [{ ...FIX, responsible: alone }] });
    expect(other).toContain('without it something else turns it as well');
    expect(other).toContain('alone enough too: vfio_claims');
  });

  it('tells what was set by hand, and what was kept', () => {
    const text = tell(
      { turns: [], given: { ...FIX, to: '6.1', stable: [] }, releases: FOUND.releases.slice(2) },
      { proposals: ['smmu_module_v1'] },
    );
    expect(text).toContain('no release is bad, only what was set by hand');
    expect(text).toContain('6.1 is bad as given, and good as it shipped');
    expect(text).toContain('kept in every release, although none has it: smmu_module_v1');
  });

  it.each<[string, Partial<KernelBisection>, 'break' | 'fix']>([
    ['no release lies in that range', { releases: [], turns: [] }, 'fix'],
    ['every release is bad', { releases: FOUND.releases.slice(0, 2), turns: [] }, 'fix'],
    ['no release is bad', { releases: FOUND.releases.slice(2), turns: [] }, 'break'],
    ['no release turns it bad', {}, 'break'],
  ])('%s', (part, bisection, find) => {
    expect(tell(bisection, { find })).toContain(part);
  });
});
