// SMMUs whose registers are known: what their drivers print, take and give back.
import { describe, expect, it } from 'vitest';
import type { DeviceSpec, DriverSpec, SmmuRegisters } from '../../../src/events/machine.ts';
import { type Changes, runScenario } from '../scenario-run.ts';

type Run = ReturnType<typeof runScenario>;
const events = (run: Run) => run.scheduler.events.map(({ event }) => event);
const prints = (run: Run) =>
  events(run).flatMap((event) => (event.type === 'printk' ? [event.text] : []));
const smmuOf = (run: Run) => Object.values(run.state.smmus)[0];

/** The scenario with other registers in its SMMU. */
function withRegisters(name: string, registers: SmmuRegisters, more: Changes = {}): Run {
  const device = (spec: DeviceSpec): DeviceSpec =>
    spec.registers === undefined
      ? spec
      : { ...spec, registers: { ...spec.registers, ...registers } };
  return runScenario(name, { device, ...more });
}

describe('the probe of an SMMU v2', () => {
  const SOUND = 'no-context-bank-for-the-second-card';

  it.each([
    [{ ID1: 0x00030002 }, 'impossible number of S2 context banks!'],
    [{ ID0: 0x7c017e00 }, 'stream-matching supported, but no SMRs present!'],
    [{ ID0: 0x04017e80 }, '\tno translation support!'],
  ])('fails with the registers %o', (registers, text) => {
    const run = withRegisters(SOUND, registers);
    expect(prints(run)).toContain(`arm-smmu 2b500000.iommu: ${text}`);
    expect(run.state.devices['2b500000.iommu']?.bound).toBe(false);
    expect(run.state.smmus).toEqual({});
  });

  it('wants an interrupt for each context bank', () => {
    const few = (spec: DeviceSpec): DeviceSpec =>
      spec.registers === undefined ? spec : { ...spec, context_irqs: 0 };
    const run = runScenario(SOUND, { device: few });
    const text = 'found only 0 context irq(s) but 1 required';
    expect(prints(run)).toContain(`arm-smmu 2b500000.iommu: ${text}`);
    expect(run.state.devices['2b500000.iommu']?.bound).toBe(false);
  });

  it('takes the id for the index where streams are not matched', () => {
    const run = withRegisters(SOUND, { ID0: 0x74017e00 });
    expect(prints(run).some((text) => text.includes('stream matching'))).toBe(false);
    expect(Object.keys(smmuOf(run)?.entries ?? {})).toEqual(['8']);
  });
});

describe('the entries of an SMMU v2', () => {
  it('fault until the device is attached, and go with it', () => {
    const remove = { do: 'remove', dev: '0000:00:01.0' } as const;
    const run = runScenario('no-context-bank-for-the-second-card', { more: [remove] });
    const written = events(run).filter(({ type }) => type === 'smmu.entry_written');
    expect(written.slice(0, 2)).toMatchObject([
      { id: 8, does: 'fault', context: null, count: 1 },
      { id: 8, does: 'translate', context: 0, count: 1 },
    ]);
    expect(smmuOf(run)).toMatchObject({ entries: {}, context_banks: {} });
  });

  it('are shared, and stay until the last of their devices goes', () => {
    const NAME = 'stream-of-one-master-overlaps-another';
    expect(smmuOf(runScenario(NAME))?.entries['0']).toMatchObject({ id: 0x10, mask: 3, count: 2 });
  });

  it('count each stream id of a device, and go with the last', () => {
    // A conventional function below a bridge: its own id and the one that the bridge puts there are one.
    const below = (spec: DeviceSpec): DeviceSpec => {
      if (spec.pci === undefined) return spec;
      return spec.name === '0000:00:01.0'
        ? { ...spec, pci: { ...spec.pci, class: 0x060400, header: 1, pcie: 'pcie-to-pci' } }
        : {
            ...spec,
            name: '0000:01:00.0',
            parent: '0000:00:01.0',
            pci: { ...spec.pci, pcie: null },
          };
    };
    const NAME = 'no-context-bank-for-the-second-card';
    const registers = { ID0: 0x7c017e80, ID1: 0x80000004, ID2: 0x5555 };
    const byBridge = (spec: DeviceSpec) =>
      below(spec.registers === undefined ? spec : { ...spec, registers });
    expect(smmuOf(runScenario(NAME, { device: byBridge }))?.entries).toMatchObject({
      0: { id: 8, count: 1 },
      1: { id: 0x100, count: 2 },
    });
    const remove = { do: 'remove', dev: '0000:01:00.0' } as const;
    const gone = runScenario(NAME, { device: byBridge, more: [remove] });
    expect(Object.values(smmuOf(gone)?.entries ?? {})).toMatchObject([{ id: 8 }]);
    expect(Object.keys(smmuOf(gone)?.context_banks ?? {})).toEqual(['0']);
  });

  it('have no masks where streams are not matched', () => {
    const NAME = 'stream-of-one-master-overlaps-another';
    const run = withRegisters(NAME, { ID0: 0x74017e00 });
    const entries = smmuOf(run)?.entries ?? {};
    expect(Object.keys(entries)).toEqual(['16', '17', '18', '32']);
    expect(Object.values(entries).map(({ context }) => context)).toEqual([0, 2, 3, 1]);
    const groups = Object.values(run.state.devices).flatMap((dev) => dev.iommu_group ?? []);
    expect(groups).toEqual([0, 1, 2, 3]);
  });

  it('are those of stage 2 where nothing else is there', () => {
    const run = runScenario('smmu-of-acpi-with-stage-2-alone');
    expect(smmuOf(run)?.context_banks).toEqual({ 0: { group: 0, domain: 'DMA' } });
    const both = withRegisters('smmu-of-acpi-with-stage-2-alone', {
      ID0: 0x69005e80,
      ID1: 0x00040080,
    });
    expect(smmuOf(both)?.context_banks).toEqual({ 4: { group: 0, domain: 'DMA' } });
  });
});

describe('a context bank', () => {
  it('is taken by the domain of a user, by the blocking one before 6.8, and given back', () => {
    const banks = (patches: Record<string, boolean>): number[] => {
      const run = withRegisters(
        'context-banks-run-out-under-vfio',
        { ID1: 0x80000008 },
        {
          patches,
          more: [{ do: 'vfio_release', hold: 'guest' }],
        },
      );
      expect(Object.values(smmuOf(run)?.context_banks ?? {})).toMatchObject(
        patches['smmu_blocked_domain']
          ? [{ domain: 'DMA' }]
          : [{ domain: 'DMA' }, { domain: 'blocked' }],
      );
      return events(run).flatMap((event) =>
        event.type === 'smmu.context_bank' ? [event.context] : [],
      );
    };
    expect(banks({})).toEqual([0, 1, 2]);
    expect(banks({ smmu_blocked_domain: true })).toEqual([0, 1]);
  });
});

describe('an SMMU v3', () => {
  const NAME = 'unattached-streams-of-an-smmu-v3-bypass';

  it('gets queues of the size that memory for DMA is aligned to', () => {
    const queues = (run: Run) => prints(run).filter((text) => text.includes('entries for'));
    const prefix = 'arm-smmu-v3 9050000.smmuv3: allocated';
    expect(queues(runScenario(NAME))).toEqual([
      `${prefix} 262144 entries for cmdq`,
      `${prefix} 131072 entries for evtq`,
    ]);
    expect(queues(withRegisters(NAME, { IDR1: 0x01c95010, IDR0: 0x0d41101a }))).toEqual([
      `${prefix} 16384 entries for cmdq`,
      `${prefix} 512 entries for evtq`,
      `${prefix} 1024 entries for priq`,
    ]);
  });

  it('gets larger queues where pages are larger', () => {
    const registers = (spec: DeviceSpec) =>
      spec.registers === undefined
        ? spec
        : { ...spec, registers: { ...spec.registers, IDR1: 0x03f30010 } };
    const largest = (config: Record<string, string>) =>
      prints(runScenario(NAME, { config, device: registers })).flatMap(
        (text) => /allocated (\d+) entries for cmdq/.exec(text)?.[1] ?? [],
      );
    expect(largest({})).toEqual([String(2 ** 18)]);
    expect(largest({ ARM64_16K_PAGES: 'y' })).toEqual([String(2 ** 21)]);
    expect(largest({ ARM64_64K_PAGES: 'y' })).toEqual([String(2 ** 25)]);
    expect(largest({ ARM64_64K_PAGES: 'y', CMA_ALIGNMENT: '8' })).toEqual([String(2 ** 20)]);
  });

  it('takes an output size that nobody knows for one of 48 bits', () => {
    const text = 'unknown output address size. Truncating to 48-bit';
    const said = (IDR5: number) =>
      prints(withRegisters(NAME, { IDR5 })).some((line) => line.endsWith(text));
    expect(said(0x77)).toBe(true);
    expect(said(0x74)).toBe(false);
  });

  it('is not driven without translation', () => {
    const run = withRegisters(NAME, { IDR0: 0x0d401018 });
    expect(prints(run)).toContain('arm-smmu-v3 9050000.smmuv3: no translation support!');
    expect(run.state.devices['9050000.smmuv3']?.bound).toBe(false);
  });

  it('lets the reserved streams of PCI functions pass its reset', () => {
    const run = runScenario('a-removed-device-leaves-its-rmr-stream');
    const reset = events(run).find((event) => event.type === 'smmu.reset');
    expect(reset).toMatchObject({ entries: [{ index: 0x7c, id: 0x7c, does: 'bypass' }] });
  });

  it('has an entry that aborts for a device that is gone, unless all streams pass', () => {
    const NAME = 'a-removed-device-leaves-its-rmr-stream';
    const leaves = (patches: Record<string, boolean>, cmdline = '') =>
      smmuOf(runScenario(NAME, { patches, cmdline }))?.entries[0x7c]?.does;
    const before = { smmu_v3_blocked_domain: false, smmu_v3_bypass_retired: false };
    expect(leaves({})).toBe('bypass');
    expect(leaves(before)).toBe('fault');
    expect(leaves(before, 'arm_smmu_v3.disable_bypass=0')).toBe('bypass');
  });

  it('prints a record as it is, and since 6.15 in words after that', () => {
    const lines = (on: boolean) => {
      const patches = { smmu_v3_events_decoded: on };
      const run = runScenario('late-smmu-blocks-a-running-card', { patches });
      return events(run).flatMap((event) =>
        event.type === 'printk' && /event|\t0x/.test(event.text) ? [event] : [],
      );
    };
    expect(lines(false).map(({ level }) => level)).toEqual(Array(5).fill('info'));
    expect(lines(true).map(({ level }) => level)).toEqual(Array(6).fill('err'));
    expect(lines(true).map(({ text }) => text.replace('arm-smmu-v3 9050000.smmuv3: ', ''))).toEqual(
      [
        'event 0x02 received:',
        '\t0x0000001000000002',
        ...Array(3).fill('\t0x0000000000000000'),
        'event: C_BAD_STREAMID client: (unassigned sid) sid: 0x10 ssid: 0x0',
      ],
    );
  });

  it('says that it was on when firmware left streams in it', () => {
    const on = 'arm-smmu-v3 arm-smmu-v3.0.auto: SMMU currently enabled! Resetting...';
    const left = (boot_mapping: 'translate' | 'none') => (spec: DeviceSpec) =>
      spec.iommus === undefined ? spec : { ...spec, boot_mapping };
    expect(prints(runScenario('rmr-streams-bypass', { device: left('translate') }))).toContain(on);
    expect(prints(runScenario('rmr-streams-bypass', { device: left('none') }))).not.toContain(on);
  });
});

describe("one of Qualcomm's SMMUs", () => {
  /** What the boot loader left, after the reset, with other compatible strings. */
  const kept = (smmu: readonly string[], client: string) => {
    const device = (spec: DeviceSpec): DeviceSpec => {
      if (spec.iommu_kind === 'arm-smmu') return { ...spec, ids: smmu };
      return spec.boot_mapping === undefined ? spec : { ...spec, ids: [client] };
    };
    const driver = (spec: DriverSpec): DriverSpec =>
      spec.name === 'arm-smmu' ? spec : { ...spec, ids: [client] };
    const run = runScenario('qcom-readback-keeps-the-splash-screen', { device, driver });
    const reset = events(run).find((event) => event.type === 'smmu.reset');
    const domains = Object.values(run.state.groups).map(({ domain }) => domain);
    return { entries: reset?.type === 'smmu.reset' ? reset.entries.length : null, domains };
  };

  it.each([
    [['qcom,sdm845-smmu-500', 'arm,mmu-500'], 'qcom,sc7280-mdss', 1, 'identity'],
    [['qcom,sm8250-smmu-500', 'arm,mmu-500'], 'qcom,x-mdss', 1, 'DMA'],
    [['qcom,msm8974-smmu', 'arm,mmu-500'], 'qcom,mdss', 0, 'DMA'],
    [['qcom,adreno-smmu', 'qcom,smmu-500', 'arm,mmu-500'], 'qcom,adreno', 0, 'identity'],
  ])('%s keeps streams, and %s has the domain that it asks for', (smmu, client, count, domain) => {
    expect(kept(smmu, client)).toEqual({ entries: count, domains: [domain] });
  });
});
