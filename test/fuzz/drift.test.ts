// Goal: a trouble is told with the patch that keeps it away, also where a smaller run breaks the same claim
// for another reason. Method: a leak of 6.5 and what the finding of it says.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Inputs } from '../../src/events/trace.ts';
import { isKeptAway, keptAwayBy } from '../../src/fuzz/drift.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

function inputsOf(name: string): Inputs {
  const text = readFileSync(`scenarios/${name}.yaml`, 'utf8');
  const { kernel, machine, steps, choices } = parseScenario(text, name, driverKnowledge);
  return { kernel, machine, stimuli: steps, choices };
}

const BOOT_DMA = 'running-dma-is-not-cut-off';

describe('what keeps a trouble away', () => {
  it('is a patch that was switched, and fixes that the invariant suspects', () => {
    const inputs = inputsOf('rmrr-of-a-private-domain-is-not-mapped');
    const flip = { patch: 'default_domain_before_direct', on: true };
    expect(keptAwayBy(inputs, { invariant: BOOT_DMA, subject: '0000:00:02.0' })[0]).toEqual(flip);
    expect(isKeptAway(inputs, BOOT_DMA, flip)).toBe(true);
    expect(isKeptAway(inputs, BOOT_DMA, { patch: 'probe_wording', on: true })).toBe(false);
  });

  it('is nothing where no patch helps', () => {
    const inputs = inputsOf('running-dma-without-an-rmrr-faults');
    const helping = keptAwayBy(inputs, { invariant: BOOT_DMA, subject: '0000:00:14.0' });
    expect(helping).toEqual([]);
  });
});
