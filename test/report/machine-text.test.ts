// A machine inferred from a log, written and given back, makes the same run of that log.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Machine } from '../../src/events/machine.ts';
import { CATALOGUE } from '../../src/import/catalogue.ts';
import { type Imported, importLog } from '../../src/import/import.ts';
import { readFirmware } from '../../src/model/firmware/firmware.ts';
import { machineText } from '../../src/report/machine-text.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseMachine } from '../../src/scenario/parse.ts';
import { PUBLIC, TRACES } from '../corpora.ts';

const listed = (folder: string, isWanted: (file: string) => boolean): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter(isWanted)
        .map((file) => `${folder}/${file}`)
    : [];
const isLog = (file: string) => file.endsWith('dmesg.txt');
const committed = [...listed('examples', isLog), ...listed('scenarios/golden', isLog)];
const recorded = listed(TRACES, isLog);
const published = listed(PUBLIC, (file) => file !== 'SOURCES.md');

const NO_OPTIONS = { name: 'log', version: null, config: {}, patches: {} };
const encode = (text: string) => new TextEncoder().encode(text);

function written(machine: Machine): Machine {
  const text = machineText(machine, 'log', 'reprobe bisect log --machine m.yaml');
  return parseMachine(text, 'm.yaml', driverKnowledge).machine;
}

/** Expects the run under the written machine to be that of the inferred one. */
function expectSameRun(bytes: Uint8Array, first: Imported): void {
  const machine = written(first.trace.header.machine);
  const again = importLog(bytes, { ...NO_OPTIONS, machine });
  expect(again.trace).toEqual(first.trace);
  expect(again.divergences).toEqual(first.divergences);
}

function expectRoundTrip(bytes: Uint8Array): void {
  expectSameRun(bytes, importLog(bytes, { ...NO_OPTIONS, machine: null }));
}

describe('a written machine', () => {
  it('begins with how to give it back', () => {
    const { trace } = importLog(readFileSync('examples/groups-by-probe-order.dmesg.txt'), {
      ...NO_OPTIONS,
      machine: null,
    });
    const text = machineText(trace.header.machine, 'a\nb: [\x1b', 'reprobe bisect log --machine m');
    expect(text).toMatch(/^# The machine of a\ufffdb: \[\ufffd: /);
    expect(text).toContain('\n#   reprobe bisect log --machine m\nschema: 1\nmachine:\n');
    expect(parseMachine(text, 'm.yaml', driverKnowledge).machine).toEqual(trace.header.machine);
  });

  it("has a device once: AMD's IOMMU is a PCI function", () => {
    const log = [
      'pci 0000:00:00.2: [1022:1631] type 00 class 0x080600',
      'pci 0000:00:00.2: AMD-Vi: Found IOMMU cap 0x40',
      'pci 0000:00:01.0: Adding to iommu group 0',
    ];
    const bytes = encode(log.map((text, i) => `[    ${i}.000000] ${text}\n`).join(''));
    const { trace } = importLog(bytes, { ...NO_OPTIONS, machine: null });
    const units = trace.header.machine.devices.filter(({ name }) => name === '0000:00:00.2');
    expect(units).toMatchObject([{ bus: 'pci', iommu_kind: 'amd', pci: { device: 0x1631 } }]);
    expectRoundTrip(bytes);
  });

  it.each(committed)('of %s makes the same run', (file) => {
    expectRoundTrip(readFileSync(file));
  });

  it('of any lines that reprobe knows makes the same run', () => {
    const aLine = fc.constantFrom(...CATALOGUE.map(({ example }) => example));
    fc.assert(
      fc.property(fc.array(aLine, { maxLength: 30 }), (lines) => {
        expectRoundTrip(encode(lines.map((text, i) => `[    ${i}.000000] ${text}\n`).join('')));
      }),
      { numRuns: 200 },
    );
  });
});

describe.skipIf(recorded.length === 0)(`logs of ${TRACES} (skipped where absent)`, () => {
  it.each(recorded)('%s', (file) => {
    const bytes = readFileSync(file);
    expectRoundTrip(bytes);
    const blob = file.replace(/dmesg\.txt$/, 'machine-fdt.dtb');
    if (!existsSync(blob)) return;
    const firmware = readFirmware(readFileSync(blob), blob);
    expectSameRun(bytes, importLog(bytes, { ...NO_OPTIONS, machine: null, firmware }));
  });
});

describe.skipIf(published.length === 0)(`logs of ${PUBLIC} (skipped where absent)`, () => {
  it.each(published)('%s', (file) => expectRoundTrip(readFileSync(file)));
});
