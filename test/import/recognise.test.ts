import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/import/catalogue.ts';
import { OBSERVATION_KINDS } from '../../src/import/observation.ts';
import { looksRelevant, recognise, shapeOf } from '../../src/import/recognise.ts';
import type { LogRecord } from '../../src/import/record.ts';

function record(text: string, timeUs: number | null = 1): LogRecord {
  const unknown = { level: null, caller: null, subsystem: null, device: null };
  return { line: 1, timeUs, text, boot: 0, replay: false, ...unknown };
}

const GROUP = 'vfio-pci 0000:01:00.0: Adding to iommu group 7';

describe('recognise', () => {
  it('tells device, driver, group and error apart from other fields', () => {
    expect(recognise(record(GROUP))).toMatchObject({
      kind: 'iommu.group.added',
      row: 'group-added',
      prefix: 'vfio-pci',
      dev: '0000:01:00.0',
      drv: null,
      group: 7,
      error: null,
      fields: {},
    });
  });

  it.each([
    ['vfio-pci: probe of 0000:00:00.0 failed with error -22', 'vfio-pci', -22],
    ['vfio-pci 0000:00:00.0: probe with driver vfio-pci failed with error -22', 'vfio-pci', -22],
    ['Intel(R) thing: probe of 0000:00:00.0 failed with error -12', 'Intel(R) thing', -12],
  ])('reads both wordings of a failed probe: %s', (text, drv, error) => {
    const expected = { kind: 'probe.failed', dev: '0000:00:00.0', drv, error };
    expect(recognise(record(text))).toMatchObject(expected);
  });

  it('reads errors by name', () => {
    const text = 'e1000e 0000:01:00.0: error -EPROBE_DEFER: supplier 9050000.smmuv3 not ready';
    expect(recognise(record(text))).toMatchObject({
      kind: 'probe.waits',
      error: -517,
      fields: { supplier: '9050000.smmuv3' },
    });
  });

  it('takes any other line of dev_printk as evidence of the device', () => {
    const expected = { kind: 'device.evidence', prefix: 'e1000e', dev: '0000:01:00.0' };
    expect(recognise(record('e1000e 0000:01:00.0: something new'))).toMatchObject(expected);
    expect(recognise(record('e1000e 0000:01:00.0 eth0: NIC Link is Down'))).toMatchObject(expected);
    expect(recognise(record('Memory policy: Data cache writealloc'))).toBeNull();
  });

  it('takes a name that structured logs give as a device', () => {
    const line = { ...record('mydrv thing: hello'), device: 'thing' };
    expect(recognise(line)?.kind).toBe('device.evidence');
    expect(recognise(record('mydrv thing: hello'))).toBeNull();
  });

  it('reads actions from marks in the log and from a captured shell', () => {
    const background = 'reprobe-action: 12: (background) lab vfio 1 0000:02:00.0 hold=/tmp/s2';
    expect(recognise(record(background))).toMatchObject({
      kind: 'user.action',
      fields: { n: '12', background: 'yes', command: 'lab vfio 1 0000:02:00.0 hold=/tmp/s2' },
    });
    expect(recognise(record('root@vm:~# modprobe vfio-pci', null))).toMatchObject({
      kind: 'user.action',
      row: 'shell-command',
      fields: { command: 'modprobe vfio-pci' },
    });
    expect(recognise(record('# a comment', null))).toBeNull();
  });

  it('does not take damaged or torn text for an event', () => {
    expect(recognise(record('ar\ufffd-smmu 1e00000.iommu: disabling translation'))).toBeNull();
    expect(recognise(record('Adding to iommu group 7'))).toBeNull();
    expect(recognise(record('+ dev_info(dev, "Adding to iommu group %d", group->id);'))).toBeNull();
  });

  it('does not take frames of a trace for events', () => {
    for (const frame of ['  really_probe+0xdc/0x330', ' ? iommu_probe_device+0x6c/0xec']) {
      expect(recognise(record(frame))).toBeNull();
      expect(looksRelevant(record(frame))).toBe(false);
    }
  });

  it('gives lines of one message one shape', () => {
    expect(looksRelevant(record('DMAR: something 0x1f new'))).toBe(true);
    expect(shapeOf('DMAR: unit 0x1f new 12')).toBe(shapeOf('DMAR: unit 0xabc new 7'));
  });

  it('stores a device called __proto__ like any other', () => {
    const found = recognise(record("device: '__proto__': device_add"));
    expect(found?.dev).toBe('__proto__');
    expect(recognise(record('pci __proto__: Linked as a consumer to __proto__'))?.fields).toEqual(
      Object.assign(Object.create(null), { supplier: '__proto__' }),
    );
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(CATALOGUE.length - 1), (noise, index) => {
        const example = CATALOGUE[index]?.example ?? '';
        for (const text of [noise, noise + example, example + noise]) recognise(record(text));
      }),
    );
  });
});

describe('the catalogue', () => {
  it.each(CATALOGUE.map((row) => [row.id, row] as const))(
    'recognises the example of %s',
    (_, row) => {
      expect(recognise(record(row.example))).toMatchObject({ kind: row.kind, row: row.id });
    },
  );

  it('has unique ids and a row of every kind but evidence', () => {
    expect(new Set(CATALOGUE.map((row) => row.id)).size).toBe(CATALOGUE.length);
    const kinds = new Set<string>([...CATALOGUE.map((row) => row.kind), 'device.evidence']);
    expect([...OBSERVATION_KINDS].filter((kind) => !kinds.has(kind))).toEqual([]);
  });

  it('has patterns that take linear time: anchored, no nested or neighbouring quantifiers', () => {
    for (const { pattern } of CATALOGUE) {
      const { source } = pattern;
      expect(source.startsWith('^') && source.endsWith('$'), source).toBe(true);
      expect(source, source).not.toMatch(/[+*}]\)[+*{]/);
      expect(source.match(/\.[+*]/g)?.length ?? 0, source).toBeLessThanOrEqual(2);
    }
  });

  it('matches a row only where its literal is', () => {
    for (const row of CATALOGUE) expect(row.example, row.id).toContain(row.literal);
  });
});
