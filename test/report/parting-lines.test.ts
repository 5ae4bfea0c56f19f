import { describe, expect, it } from 'vitest';
import { whereRunsPart } from '../../src/bisect/parting.ts';
import type { Trace } from '../../src/events/trace.ts';
import { partingLines } from '../../src/report/parting-lines.ts';
import { ASSIGN_NIC, LEAKY, leakyTrace, runSmall } from '../model/small-machine.ts';

function told(a: Trace, b: Trace): readonly string[] {
  const parting = whereRunsPart(a.events, b.events);
  return partingLines(parting, a.events, b.events).map(({ text }) => text);
}

describe('partingLines', () => {
  const fixed = runSmall(ASSIGN_NIC, {}, { config: LEAKY.config }).trace();

  it('shows the first difference in its path, behind what both runs have', () => {
    const lines = told(leakyTrace(), fixed);
    expect(lines[0]).toBe('the runs part: - the first run, + the second run');
    expect(lines[1]).toMatch(/^first in boot, task swapper\/0, in .* > really_probe > test_remove/);
    expect(lines[2]).toMatch(/^ {2}#\d+ 0000:00:01\.0: remove of pcieport/);
    expect(lines[3]).toMatch(/^\+ #\d+ .*0000:00:01\.0: dma_cleanup/);
    expect(lines.at(-1)).toMatch(/^\d+ events are the same in both$/);
  });

  it('sums the others up by task, and both ways round', () => {
    const lines = told(leakyTrace(), fixed);
    const back = told(fixed, leakyTrace());
    const user = lines.find((text) => text.includes('vfio-user')) ?? '';
    const [, less, more] = /-(\d+) +\+(\d+) +vfio-user-5 /.exec(user) ?? [];
    expect(Number(more)).toBeGreaterThan(Number(less));
    expect(back.some((text) => new RegExp(`-${more} +\\+${less} `).test(text))).toBe(true);
  });

  it('names the step that only one run has', () => {
    const shorter = runSmall(ASSIGN_NIC.slice(0, -1), {}, LEAKY).trace();
    const lines = told(leakyTrace(), shorter);
    expect(lines[1]).toMatch(/^- step 6, VFIO user opens group 1 for 0000:01:00\.0: \d+ events$/);
    expect(lines[2]).toBe('all that both were given went the same way');
  });

  it('says when there is nothing to say', () => {
    expect(told(fixed, fixed)).toEqual([`the runs are the same: ${fixed.events.length} events`]);
  });
});
