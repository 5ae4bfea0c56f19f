import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstViolation } from '../../src/bisect/first-violation.ts';
import { changeOfFlip, oppositesOf } from '../../src/bisect/flips.ts';
import { changedKernel, type Rerun, rerunTrace, violationsOf } from '../../src/bisect/rerun.ts';
import { stimulusOf, verifyViolation } from '../../src/bisect/verify.ts';
import { whatChanges } from '../../src/bisect/what-changes.ts';
import { allChanges, crossed, whatIf } from '../../src/bisect/whatif.ts';
import type { Trace } from '../../src/events/trace.ts';
import { importLog } from '../../src/import/import.ts';
import { PATCH_NAMES, PROFILES, patchesOf } from '../../src/model/versions/profile.ts';
import {
  ASSIGN_NIC,
  aRun,
  BOOT,
  kernel,
  LEAKY,
  leakyTrace,
  NIC,
  runSmall,
  traceOf,
} from '../model/small-machine.ts';

const rerunOf =
  (trace: Trace): Rerun =>
  (change) => ({ trace: rerunTrace(trace, change), divergences: [], doubts: [] });

function leak(trace: Trace) {
  const found = firstViolation(trace);
  if (found.kind !== 'found' || found.violation === null) throw new Error('there is a leak');
  return found.violation;
}

describe('rerunTrace', () => {
  it('makes the same run of the same inputs', () => {
    const property = fc.property(aRun, (run) => {
      const trace = traceOf(run);
      expect(rerunTrace(trace, {})).toEqual(trace);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('takes a release as it shipped, and keeps what the change says', () => {
    expect(changedKernel(LEAKY, { version: '6.12' })).toMatchObject({
      version: '6.12',
      patches: {},
    });
    expect(changedKernel(LEAKY, { patches: { ready_to_probe: false } }).patches).toEqual({
      test_remove_dma_cleanup: false,
      ready_to_probe: false,
    });
    expect(changedKernel(kernel({ release: '6.1.0' }), { version: '6.12' }).release).toBeNull();
  });

  it('answers probes of a log as the log did', () => {
    const text = `[    0.100000] pci ${NIC}: [8086:10d3] type 00 class 0x020000
[    1.000000] e1000e: probe of ${NIC} failed with error -5
`;
    const none = { name: 'a.log', version: null, config: {}, patches: {}, machine: null };
    const { trace } = importLog(new TextEncoder().encode(text), none);
    const probed = rerunTrace(trace, {}).events.find(
      ({ event }) => event.type === 'driver.probed' && event.dev === NIC,
    );
    expect(probed?.event).toMatchObject({ drv: 'e1000e', ret: -5 });
  });
});

describe('verifyViolation', () => {
  it('leaves out the driver that a boot probed', () => {
    const trace = leakyTrace();
    expect(verifyViolation(trace, leak(trace))).toEqual({
      verified: true,
      how: 'both ends were checked, and without the driver e1000e it does not happen',
    });
  });

  it('leaves out the stimulus that came from a user', () => {
    const modprobe = { do: 'modprobe', module: 'e1000e', params: '' } as const;
    const trace = runSmall([BOOT, modprobe], { modularNic: true }, LEAKY).trace();
    const violation = leak(trace);
    expect(stimulusOf(trace, violation.event)).toEqual({ stimulus: modprobe, index: 1 });
    expect(verifyViolation(trace, violation)).toMatchObject({
      verified: true,
      how: expect.stringContaining('`modprobe e1000e`'),
    });
  });

  it('refuses an event that is not the first bad one', () => {
    const trace = leakyTrace();
    const violation = leak(trace);
    for (const event of [violation.event - 1, violation.event + 1, violation.event + 1000]) {
      expect(verifyViolation(trace, { ...violation, event }).verified).toBe(false);
    }
  });
});

describe('whatChanges', () => {
  it('names the patch and the option of B-01', () => {
    const trace = leakyTrace();
    const { reproduced, remedies } = whatChanges(rerunOf(trace), leak(trace));
    expect(reproduced).toBe(true);
    expect(remedies.slice(0, 2)).toMatchObject([
      {
        kind: 'patch',
        name: 'test_remove_dma_cleanup',
        direction: 'with',
        commit: 'f429378a9bf8',
        landed: '6.6',
      },
      { kind: 'config', name: 'DEBUG_TEST_DRIVER_REMOVE', from: 'y', to: 'n' },
    ]);
  });

  it('names only what helps', () => {
    const trace = leakyTrace();
    const violation = leak(trace);
    for (const { name } of whatChanges(rerunOf(trace), violation).remedies) {
      for (const flip of oppositesOf(trace.header.kernel, [name])) {
        const left = violationsOf(rerunTrace(trace, changeOfFlip(flip)));
        expect(left.some(({ subject }) => subject === violation.subject)).toBe(false);
      }
    }
  });

  it('does not name what a log contradicts', () => {
    const trace = leakyTrace();
    const one = { line: 1, expected: 'a', observed: 'b', event: 0 };
    const rerun: Rerun = (change) => ({
      trace: rerunTrace(trace, change),
      divergences: change.config === undefined ? [] : [one],
      doubts: [],
    });
    const { remedies } = whatChanges(rerun, leak(trace));
    expect(remedies.every(({ kind }) => kind === 'patch')).toBe(true);
  });

  it('says when the violation does not come back', () => {
    const rerun = rerunOf(runSmall(ASSIGN_NIC).trace());
    expect(whatChanges(rerun, leak(leakyTrace()))).toEqual({ reproduced: false, remedies: [] });
  });
});

describe('whatIf', () => {
  it('does not count what another kernel prints as a contradiction of the log', () => {
    const { header, events } = leakyTrace();
    const trace = { header: { ...header, source: { name: 'a.log', format: 'dmesg' } }, events };
    const one = { line: 1, expected: 'a', observed: 'b', event: 0 };
    const rerun: Rerun = ({ config }) => ({
      trace,
      divergences: config === undefined ? [] : [one],
      doubts: config === undefined ? [] : ['the log overrules the model'],
    });
    const changes = [{ config: { DEBUG_TEST_DRIVER_REMOVE: 'n' } }, { config: { IOMMU_API: 'n' } }];
    const [row, other] = whatIf(rerun, changes);
    expect(row).toMatchObject({ verdict: 'holds', prints: { missing: [], extra: [] } });
    expect(other?.prints.missing.join('\n')).toContain('iommu: Default domain type');
  });

  it('crosses both values of a patch and an option', () => {
    const changes = crossed(LEAKY, {
      kernels: [],
      patches: ['test_remove_dma_cleanup'],
      config: { DEBUG_TEST_DRIVER_REMOVE: 'y' },
    });
    const rows = whatIf(rerunOf(leakyTrace()), changes);
    expect(
      rows.map(({ patches, config, verdict }) => [
        patches['test_remove_dma_cleanup'],
        config['DEBUG_TEST_DRIVER_REMOVE'],
        verdict,
      ]),
    ).toEqual([
      [false, 'n', 'holds'],
      [false, 'y', 'violates'],
      [true, 'n', 'holds'],
      [true, 'y', 'holds'],
    ]);
  });

  it('has a row for each combination, and each once', () => {
    const aName = fc.constantFrom(...PATCH_NAMES);
    const property = fc.property(
      fc.uniqueArray(aName, { maxLength: 4 }),
      fc.subarray([...PROFILES]),
      (patches, kernels) => {
        const changes = crossed(kernel(), { kernels, patches, config: { MODULES: 'n' } });
        expect(changes).toHaveLength(Math.max(1, kernels.length) * 2 ** (patches.length + 1));
        expect(new Set(changes.map((change) => JSON.stringify(change))).size).toBe(changes.length);
      },
    );
    fc.assert(property);
  });

  it('flips everything once for --all', () => {
    const changes = allChanges(kernel(), ['MODULES']);
    expect(changes).toHaveLength(2 + PROFILES.length + PATCH_NAMES.length);
  });

  it('leaves out patches that the run never asks about, which change nothing', () => {
    const { header, events, asked } = runSmall(ASSIGN_NIC).trace();
    const unasked = PATCH_NAMES.filter((name) => asked?.has(name) === false);
    const changes = allChanges(header.kernel, [], asked);
    expect(changes).toHaveLength(1 + PROFILES.length + PATCH_NAMES.length - unasked.length);
    expect(unasked.length).toBeGreaterThan(0);
    const present = patchesOf(header.kernel);
    for (const name of unasked) {
      const flippedOnce = rerunTrace(
        { header, events },
        { patches: { [name]: !present.has(name) } },
      );
      expect(flippedOnce.events).toEqual(events);
    }
  });

  it('calls a run that a log contradicts more often divergent, where the log has to guide', () => {
    const { header, events } = runSmall(ASSIGN_NIC).trace();
    // The log shows a leak that its inputs do not bring about.
    const source = { name: 'a.log', format: 'dmesg' };
    const leaky = { header: { ...header, source }, events: leakyTrace().events };
    const trace = { header: { ...header, source }, events };
    const one = { line: 1, expected: 'a', observed: 'b', event: 0 };
    const rerun: Rerun = ({ version }) => ({
      trace: version === undefined ? leaky : trace,
      divergences: version === '6.12' ? [one, one] : [one],
      doubts: [],
    });
    const verdicts = whatIf(rerun, [{}, { version: '6.1' }, { version: '6.12' }]);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['violates', 'holds', 'diverges']);
  });
});
