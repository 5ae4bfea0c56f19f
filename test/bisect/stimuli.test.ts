import { describe, expect, it } from 'vitest';
import { byQuestion, byViolation, type Judge } from '../../src/bisect/judge.ts';
import { parseQuestion } from '../../src/bisect/question.ts';
import { bisectStimuli } from '../../src/bisect/stimuli.ts';
import type { Stimulus } from '../../src/events/stimulus.ts';
import {
  ASSIGN_NIC,
  BOOT,
  LEAKY,
  NIC_GROUP,
  runSmall,
  UNBIND_NIC,
} from '../model/small-machine.ts';

const leaky = runSmall([BOOT, ...ASSIGN_NIC.slice(1)], {}, LEAKY).trace().header;
const modprobe: Stimulus = { do: 'modprobe', module: 'e1000e', params: '' };
const note: Stimulus = { do: 'note', text: 'nothing' };

describe('bisectStimuli', () => {
  it('finds the stimulus that breaks an invariant, and which it takes', async () => {
    const { header } = runSmall(
      [BOOT, note, modprobe, UNBIND_NIC],
      { modularNic: true },
      LEAKY,
    ).trace();
    const judge = byViolation(
      ({ invariant }) => invariant === 'dma_cleanup-balances-dma_configure',
    );
    const found = await bisectStimuli(header, { judge, scan: false });
    expect(found).toMatchObject({ kind: 'found', index: 2, stimulus: modprobe });
    if (found.kind !== 'found') return;
    expect(found.each.map(({ needed }) => needed)).toEqual([true, false, true]);
  });

  it('scans where the judge may change its mind, and a search is misled', async () => {
    const judge: Judge = async ({ stimuli }) => ({
      verdict: [2, 5, 6, 7, 8].includes(stimuli.length) ? 'bad' : 'good',
      asked: new Set(),
    });
    const inputs = { ...leaky, stimuli: Array.from({ length: 8 }, () => note) };
    expect(await bisectStimuli(inputs, { judge, scan: true })).toMatchObject({ index: 1 });
    expect(await bisectStimuli(inputs, { judge, scan: false })).toMatchObject({ index: 4 });
    const confirmed = await bisectStimuli(inputs, { judge, scan: false, confirm: true });
    expect(confirmed).toMatchObject({
      kind: 'notMonotone',
      reason: expect.stringContaining('the run of the first 2 is bad'),
    });
  });

  it('says when none is bad, and when the first that can be judged is', async () => {
    const ask = (text: string) => byQuestion(parseQuestion(text, '--ask'));
    const fine = runSmall(ASSIGN_NIC).trace().header;
    const group = `vfio-open ${NIC_GROUP}`;
    expect(await bisectStimuli(fine, { judge: ask(group), scan: true })).toMatchObject({
      kind: 'holds',
    });
    expect(await bisectStimuli(leaky, { judge: ask(group), scan: true })).toMatchObject({
      ...{ kind: 'badFromStart', after: 1 },
    });
    expect(await bisectStimuli(fine, { judge: ask('unload nothing'), scan: true })).toMatchObject({
      kind: 'inconclusive',
    });
  });
});
