// Real logs, which nobody here wrote, and the recordings: they lie beside the project, so that
// a copy without them skips.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseLog } from '../../src/import/format.ts';
import type { ObservationKind } from '../../src/import/observation.ts';
import { recognise } from '../../src/import/recognise.ts';
import type { ParsedLog } from '../../src/import/record.ts';
import { PUBLIC, TRACES } from '../corpora.ts';

const LOG = /(?:^|\/)(?:dmesg\.txt|kmsg\.txt\.gz|serial\.txt\.gz)$/;

const filesOf = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
const publicLogs = filesOf(PUBLIC).filter((file) => file !== 'SOURCES.md');
const recordedLogs = filesOf(TRACES).filter((file) => LOG.test(file));

function parse(file: string): ParsedLog {
  const bytes = readFileSync(file);
  return parseLog(file.endsWith('.gz') ? gunzipSync(bytes) : bytes);
}

function count(file: string, kind: ObservationKind): number {
  const found = parse(`${PUBLIC}/${file}`).records.filter((record) => !record.replay);
  return found.filter((record) => recognise(record)?.kind === kind).length;
}

describe.skipIf(publicLogs.length === 0)(`logs of ${PUBLIC} (skipped where absent)`, () => {
  it.each(publicLogs)('%s', (file) => {
    const log = parse(`${PUBLIC}/${file}`);
    expect(log.records.length).toBeGreaterThan(0);
    for (const record of log.records) recognise(record);
  });

  it.each([
    ['tegra30-cardhu-5.11-dyndbg-serial-crlf.log', 'serial', 3],
    ['qcom-apq8016-db410c-6.1.dmesg', 'dmesg', 3],
    ['tegra186-jetson-tx2-6.13-serial-crlf.log', 'serial', 1],
    ['tegra186-tx2-5.1-crash-serial.log', 'serial', 2],
    ['dell-r7425-4.19-amdvi-kdump-serial.log', 'dmesg', 2],
    ['mt8186-steelix-6.13-lava-probefail.log', 'serial', 2],
    ['spacemit-k3-riscv64-6.12-dmesg-T.log', 'dmesg-T', 1],
    ['lenovo-mtl-6.11-dmar-ramoops-prio.log', 'dmesg-r', 1],
    ['util-linux-arch-6.6-dmesg-x-caller.txt', 'dmesg-x', 1],
    ['util-linux-arch-6.6-devkmsg-caller-nul.raw', 'kmsg', 1],
    ['util-linux-arch-6.6-dmesg-json-caller.json', 'journal-json', 1],
    ['asus-am4-5.1-amdvi-fault-kern.log', 'syslog', 1],
    ['dell-xps9320-rsyslog-iso-caller.log', 'syslog', 1],
    ['lenovo-82xt-6.15-amdvi-journalctl-full.log', 'journal', 1],
    ['qcom-msm8992-3.10-android-logcat-kernel.txt', 'logcat', 1],
    ['imx8mm-venice-6.19-notimestamps.mail.txt', 'plain', 1],
  ])('%s is %s and has %i boots', (file, format, boots) => {
    const log = parse(`${PUBLIC}/${file}`);
    expect(log.format).toBe(format);
    expect(new Set(log.records.map((record) => record.boot)).size).toBe(boots);
  });

  it.each([
    ['tegra30-cardhu-5.11-dyndbg-serial-crlf.log', 'deferred.added', 321],
    ['tegra30-cardhu-5.11-dyndbg-serial-crlf.log', 'deferred.retried', 207],
    ['tegra30-cardhu-5.11-dyndbg-serial-crlf.log', 'probe.deferred', 84],
    ['tegra30-cardhu-5.11-dyndbg-serial-crlf.log', 'iommu.group.added', 18],
    ['dell-r7425-4.19-amdvi-kdump-serial.log', 'iommu.group.added', 267],
    ['dell-t440-5.10-dmar-initcall_debug.dmesg', 'iommu.group.added', 281],
    ['nxp-lx2160a-clearfog-5.5.mail.txt', 'iommu.group.added', 163],
    ['hisilicon-d06-smmuv3-unbind-wrapped.mail.txt', 'iommu.group.removed', 21],
    ['hisilicon-d06-smmuv3-unbind-wrapped.mail.txt', 'iommu.group.added', 42],
    ['renesas-rzg2h-5.8-ipmmu.dmesg', 'iommu.group.added', 4],
    ['mt8186-steelix-6.13-lava-probefail.log', 'probe.failed', 26],
    ['mt8186-steelix-6.13-lava-probefail.log', 'deferred.pending', 82],
    ['asus-am4-5.1-amdvi-fault-kern.log', 'iommu.fault', 15],
    ['cavium-cn80xx-newport-5.3-wrapped.mail.txt', 'iommu.fault', 0],
    ['syzkaller-615-caller-cpu.console.txt', 'probe.started', 0],
  ] as const)('%s has so many of %s: %i', (file, kind, expected) => {
    expect(count(file, kind)).toBe(expected);
  });
});

describe.skipIf(recordedLogs.length === 0)(`logs of ${TRACES} (skipped where absent)`, () => {
  it.each(recordedLogs)('%s', (file) => {
    const log = parse(`${TRACES}/${file}`);
    expect(log.records.length).toBeGreaterThan(0);
    expect(log.skipped).toBeLessThan(10);
    for (const record of log.records) recognise(record);
  });
});
