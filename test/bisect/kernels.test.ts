// Goal: over the releases, each bug of a recorded discussion is put down to the patch that mended it or
// brought it about. Method: the scenario of the bug is bisected over all releases, and the turns are
// compared with the releases and patches that the history of the kernel has.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { byViolation } from '../../src/bisect/judge.ts';
import { bisectKernels, type KernelBisection, type KernelRange } from '../../src/bisect/kernels.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

const EVERYTHING: KernelRange = { from: null, to: null };

/** Bisects a scenario for the first violation that it expects. */
async function bisected(name: string, range: KernelRange = EVERYTHING): Promise<KernelBisection> {
  const file = `scenarios/${name}.yaml`;
  const scenario = parseScenario(readFileSync(file, 'utf8'), file, driverKnowledge);
  const { machine, kernel, steps, choices } = scenario;
  const expected = scenario.expect.find(({ kind }) => kind === 'violation');
  if (expected?.kind !== 'violation') throw new Error(`${name} expects no violation`);
  const { invariant, subject } = expected;
  const judge = byViolation((one) => one.invariant === invariant && one.subject === subject);
  return await bisectKernels({ machine, kernel, stimuli: steps, choices }, judge, range);
}

/** `fix 6.6.0 test_remove_dma_cleanup`, or `given …` for what the source's kernel sets by hand. */
function told({ turns, given }: KernelBisection): readonly string[] {
  const words = (at: string, { responsible: { culprits } }: (typeof turns)[number]) =>
    `${at} ${culprits.map(({ name }) => name).join('+')}`;
  return [
    ...turns.map((turn) => words(`${turn.kind} ${turn.to}`, turn)),
    ...(given === null ? [] : [words('given', given)]),
  ];
}

describe('names the landing patch of', () => {
  it.each<[bug: string, scenario: string, told: readonly string[]]>([
    [
      'B-01',
      'test-remove-leaves-owner_cnt',
      [
        'break 5.19.0 dma_ownership_iface+bus_dma_ownership',
        'fix 6.6.0 test_remove_dma_cleanup',
        'given test_remove_dma_cleanup',
      ],
    ],
    ['B-02', 'use-before-configure-misses-the-count', ['fix 6.15.0 fw_parse_at_add']],
    [
      'B-03a',
      'kernel-driver-joins-a-live-group',
      ['fix 5.19.0 dma_ownership_iface+bus_dma_ownership'],
    ],
    ['B-03b', 'counted-port-driver-blocks-its-group', ['given portdrv_managed']],
    ['B-03c', 'counted-vfio-variant-driver-locks-itself-out', ['given vfio_vendor_managed']],
    [
      'B-04',
      'vfio-refuses-a-coherent-nic',
      ['break 6.1.0 smmu_truthful_coherency', 'fix 6.2.0 smmu_client_coherency_fallback'],
    ],
    ['B-06', 'fallback-misses-a-card-without-a-node', ['break 6.1.0 smmu_truthful_coherency']],
    ['B-07', 'memory-mapped-for-a-card-that-does-not-snoop', ['fix 6.1.0 smmu_truthful_coherency']],
    [
      'B-08',
      'smmu-shutdown-takes-groups-away',
      [
        'break 6.1.0 register_scans_buses',
        'fix 6.2.0 smmu_no_unregister_on_shutdown',
        'given smmu_no_unregister_on_shutdown',
      ],
    ],
    ['B-09', 'deferral-leaves-stale-dma_ops', ['given arm_dont_teardown_third_party']],
    ['B-10', 'teardown-destroys-notifier-dma_ops', ['given arm_dont_teardown_third_party']],
    ['B-11', 'deferral-takes-the-ipmmu-mapping', ['given arm_dont_teardown_third_party']],
    [
      'B-13',
      'deferral-leaves-plain-dma_ops',
      [
        'break 4.19.0 arm_detach_sets_plain_ops',
        'fix 5.1.0 arm_clear_ops_on_teardown',
        'given arm_clear_ops_on_teardown',
      ],
    ],
    ['B-14', 'unloading-an-smmu-v3-in-use', ['fix 6.1.0 register_scans_buses']],
    ['B-15', 'unbinding-an-smmu-by-hand', ['fix 5.0.0 smmu_suppress_bind']],
    [
      'B-16',
      'rmmod-then-rescan-jumps-into-freed-ops',
      ['break 6.1.0 always_bus_notifier+register_scans_buses', 'fix 6.8.0 bus_ops_retired'],
    ],
    ['B-17', 'one-smmu-goes-and-takes-all-groups', ['fix 6.1.0 register_scans_buses']],
    [
      'B-18',
      'modular-iommu-is-not-waited-for',
      ['break 5.6.0 smmu_modular', 'fix 6.0.0 timeout_default_10'],
    ],
    ['B-19', 'endpoint-grouped-before-its-root-port', ['fix 6.15.0 fw_parse_at_add']],
    ['B-21', 'acpi-has-no-links-to-an-smmu', ['fix 5.0.0 smmu_suppress_bind']],
    ['B-22', 'smmus-of-two-bindings', ['fix 6.1.0 register_scans_buses']],
    [
      'B-23',
      'acs-asked-for-after-the-scan',
      ['break 5.6.0 of_request_acs', 'fix 7.0.0 of_acs_at_dma_configure'],
    ],
    ['B-24', 'one-bad-client-keeps-the-smmu-from-registering', ['break 6.15.0 fw_parse_at_add']],
    ['B-25', 'disable_bypass-under-another-module-name', ['given smmu_module_name_fix']],
    [
      'B-27',
      'sync_state-is-forced',
      ['fix 5.7.0 fw_devlink_permissive', 'break 6.4.0 sync_state_timeout'],
    ],
    ['B-28', 'smmu-that-comes-back-has-no-links', ['fix 6.1.0 register_scans_buses']],
    [
      'B-29',
      'client-probes-before-its-smmu-is-bound',
      ['fix 6.13.0 smmu_defer_unbound', 'given smmu_defer_unbound'],
    ],
    ['B-29, set up last', 'smmu-registers-before-it-is-set-up', ['given smmu_register_last']],
    ['B-30', 'smmu-reset-cuts-the-splash-screen', ['fix 5.11.0 qcom_readback']],
    ['B-30 with RMR', 'rmr-streams-fault-after-reset', ['given iort_rmr']],
    [
      'B-33',
      'direct-regions-mapped-after-the-attach',
      ['fix 6.5.0 direct_before_attach', 'given direct_before_attach'],
    ],
    ['B-33 in a devicetree', 'iommu-addresses-not-read', ['given dt_iommu_addresses']],
    ['B-33 and VFIO', 'vfio-cuts-off-a-device-with-an-rmrr', ['fix 6.6.0 require_direct']],
  ])('%s', async (_, scenario, expected) => {
    expect(told(await bisected(scenario))).toEqual(expect.arrayContaining([...expected]));
  });
});

describe('bisectKernels', () => {
  it('finds in which stable releases a fix is too', async () => {
    const { turns } = await bisected('test-remove-leaves-owner_cnt');
    const fix = turns.find(({ kind }) => kind === 'fix');
    expect(fix?.stable.map(({ release }) => release)).toEqual(['6.1.53', '6.4.16', '6.5.3']);
    const { stable } = (await bisected('client-overtakes-the-bus-scan')).turns.at(-1) ?? {};
    expect(stable).toEqual([{ series: '6.15', release: '6.15.y' }]);
  });

  it('goes along a stable line between two releases of one series', async () => {
    const range = { from: '6.1.20', to: '6.1.100' };
    const { turns, releases } = await bisected('test-remove-leaves-owner_cnt', range);
    expect(releases[0]).toEqual({ release: '6.1.20', verdict: 'bad' });
    expect(releases.at(-1)).toEqual({ release: '6.1.100', verdict: 'good' });
    expect(turns).toMatchObject([{ kind: 'fix', from: '6.1.52', to: '6.1.53' }]);
  });

  it('says when no release is bad, and none lies in a range', async () => {
    const { turns, releases } = await bisected('counted-port-driver-blocks-its-group');
    expect(turns).toEqual([]);
    expect(new Set(releases.map(({ verdict }) => verdict))).toEqual(new Set(['good']));
    const none = await bisected('test-remove-leaves-owner_cnt', { from: '6.6', to: '5.10' });
    expect(none.releases).toEqual([]);
  });

  it('names patches that matter together, and those that they rest on', async () => {
    const { turns, given } = await bisected('dma_ops-torn-down-before-buffers-are-freed');
    const fix = turns.find(({ kind }) => kind === 'fix')?.responsible;
    const both = ['arm_clear_ops_on_teardown', 'devres_before_dma_teardown'];
    expect(fix?.culprits.map(({ name }) => name).sort()).toEqual(both);
    expect(fix?.needed.map(({ name }) => name).sort()).toEqual(both);
    expect(fix?.alternatives).toEqual([]);
    expect(given).toBeNull();
    const rmr = (await bisected('rmr-streams-fault-after-reset')).turns.at(-1)?.responsible;
    expect(rmr?.culprits.map(({ name }) => name)).toEqual(['direct_before_attach']);
    expect(rmr?.restsOn).toContain('iort_rmr');
  });
});
