// Which kernel wrote a log, and which one it is emulated by.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importLog } from '../../src/import/import.ts';
import { patchesOf } from '../../src/model/versions/profile.ts';
import { importLines } from '../../src/report/import-lines.ts';
import { importSummary } from '../../src/report/import-summary.ts';
import { PUBLIC } from '../corpora.ts';

const DEVICE = '[    1.000000] pci 0000:00:01.0: [8086:10d3] type 00 class 0x020000';

function read(first: string, version: string | null = null) {
  const bytes = new TextEncoder().encode(`[    0.000000] ${first}\n${DEVICE}\n`);
  return importLog(bytes, { name: 'log', version, config: {}, patches: {}, machine: null });
}

/** What `import` prints about the kernel, and its document. */
function said(first: string, version: string | null = null) {
  const imported = read(first, version);
  const isKernelAsked = version !== null;
  const summary = importSummary({
    ...{ kind: 'log', violations: [], doubts: [], redacted: null },
    isKernelAsked,
    ...imported,
  });
  const line = importLines(summary).find(({ text }) => text.startsWith('kernel '));
  return { kernel: summary.kernel, text: line?.text.replace(/^kernel +/, '') };
}

const from = (release: string): string => `Linux version ${release} (gcc) #1 SMP`;

describe('the kernel of a log', () => {
  it.each([
    ['6.1.192-lab', '6.1', '6.1.192-lab'],
    ['5.15.20', '5.15', '5.15.20'],
    ['5.16.2', '5.15', '5.16.2 (modelled as 5.15)'],
    ['6.6.33-rc1', '6.6', '6.6.33-rc1'],
    ['6.13.0', '6.12', '6.13.0 (modelled as 6.12)'],
  ])('%s is emulated by %s, and import says so', (release, profile, text) => {
    expect(said(from(release))).toMatchObject({
      text,
      kernel: { release, profile, assumed: false },
    });
  });

  it('is found where a mail program broke the line', () => {
    const wrapped = 'Linux version 5.16.0-rc5-next-20211217\n(tuxmake@tuxmake) (gcc) #1 SMP';
    expect(said(wrapped).kernel).toMatchObject({ release: '5.16.0-rc5-next-20211217' });
  });

  it.skipIf(!existsSync(PUBLIC))('is found in such a mail', () => {
    const bytes = readFileSync(`${PUBLIC}/juno-r2-5.16-kasan-lkft.mail.txt`);
    const options = { name: 'log', version: null, config: {}, patches: {}, machine: null };
    const { kernel } = importLog(bytes, options).trace.header;
    expect(kernel).toMatchObject({ version: '5.15', release: '5.16.0-rc5-next-20211217' });
  });

  it('is assumed where the log names none, or a console garbled it', () => {
    for (const first of ['Booting Linux', 'Linux version 5*1&.0-rc3-m (gcc)']) {
      expect(said(first)).toMatchObject({
        text: 'not in the log, 6.1 assumed',
        kernel: { release: null, profile: '6.1', assumed: true },
      });
    }
  });

  it('is the one that was asked for', () => {
    expect(said(from('6.1.192-lab'), '6.12').text).toBe('6.12');
    expect(said(from('6.1.192-lab'), '6.7').text).toBe('6.7 (modelled as 6.6)');
    expect(said('Booting Linux', '6.12')).toMatchObject({
      text: '6.12',
      kernel: { profile: '6.12', assumed: false },
    });
  });

  it('has the patches that its stable release had', () => {
    const fixed = (first: string, version: string | null = null) =>
      patchesOf(read(first, version).trace.header.kernel).has('test_remove_dma_cleanup');
    expect(fixed(from('6.1.20'))).toBe(false);
    expect(fixed(from('6.1.192-lab'))).toBe(true);
    expect(fixed(from('6.1.0-56-arm64'))).toBe(true);
    expect(fixed(from('6.1.20'), '6.1')).toBe(true);
    expect(fixed(from('6.1.192-lab'), '6.1.20')).toBe(false);
  });
});
