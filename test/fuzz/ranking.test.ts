// Goal: a list of findings begins with what somebody wants to look at. Method: a ledger put together by
// hand, in every order of being found.
import { describe, expect, it } from 'vitest';
import { type Finding, MODEL_ERROR } from '../../src/fuzz/finding.ts';
import { addFound, addSegment, createLedger } from '../../src/fuzz/ledger.ts';
import { ranked } from '../../src/fuzz/ranking.ts';

function finding(invariant: string, fixes: readonly string[], at: string): Finding {
  return {
    ...{
      invariant,
      subject: 's',
      subjectKind: 'device',
      message: '',
      signature: `${invariant} ${at}`,
    },
    ...{ fixes, options: [], since: [], stimuli: 1, devices: 1, firstBad: 1, stack: [at] },
    ...{ stimulus: '', name: `${invariant}-${at}`, text: '', shows: true },
  };
}

const FOUND = [
  { run: 3, key: 'a', finding: finding('smmu-is-wired-as-firmware-and-register-say', [], 'x') },
  { run: 5, key: 'b', finding: finding('kernel-does-not-oops', ['probe_lock'], 'x') },
  { run: 7, key: 'c', finding: finding('kernel-does-not-oops', [], 'x') },
  { run: 9, key: 'd', finding: finding('running-dma-is-not-cut-off', [], 'x') },
  { run: 11, key: 'd', finding: finding('running-dma-is-not-cut-off', [], 'y') },
  { run: 2, key: 'e', finding: finding(MODEL_ERROR, [], 'x') },
  { run: 13, key: 'f', finding: finding('running-dma-is-not-cut-off', [], 'z') },
];

function rankedFrom(found: typeof FOUND) {
  const ledger = createLedger();
  for (const one of found) addFound(ledger, { segment: 0, ...one });
  const sightings = [...'abcdef'].map((key) => ({ key, run: 0, seen: key === 'f' ? 40 : 4 }));
  addSegment(ledger, { segment: 0, runs: 50, events: 1, points: [], sightings });
  return ranked(ledger).map(({ known, sort, harm, seen, alike }) => [
    known.first.run,
    sort,
    harm,
    seen,
    alike,
  ]);
}

describe('ranked findings', () => {
  it('are those without a fix first, of them the worst, the frequent and the early ones', () => {
    expect(rankedFrom(FOUND)).toEqual([
      [7, 'new', 'crash', 4, 0],
      [13, 'new', 'corruption', 40, 0],
      [9, 'new', 'corruption', 4, 1],
      [11, 'new', 'corruption', 4, 1],
      [3, 'new', 'firmware', 4, 0],
      [5, 'known', 'crash', 4, 0],
      [2, 'mistake', null, 4, 0],
    ]);
  });

  it('do not depend on the order in which they were found', () => {
    expect(rankedFrom(FOUND.toReversed())).toEqual(rankedFrom(FOUND));
  });
});
