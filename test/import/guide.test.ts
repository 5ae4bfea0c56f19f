import { expect, it } from 'vitest';
import { importLog } from '../../src/import/import.ts';
import { leakyTrace, NIC } from '../model/small-machine.ts';

it('gives what the log does to the state the line of the log that says so', () => {
  const texts = leakyTrace().events.flatMap(({ event }) =>
    event.type === 'printk' ? [event.text] : [],
  );
  const at = texts.findIndex((text) => text.includes(`${NIC}: Adding to iommu group`));
  const before = texts.findIndex((text) => text.includes('PCI host bridge to bus'));
  expect(before).toBeLessThan(at);
  // It stands above a line that the model prints, so that the log is matched beyond it by then.
  const told = texts.toSpliced(at, 1);
  told.splice(before, 0, texts[at]?.replace(/group \d+/, 'group 7') ?? '');
  const log = told.map((text, i) => `[    ${i}.000000] ${text}\n`).join('');
  const none = { name: 'a.log', version: '6.1', config: {}, patches: {}, machine: null };
  const { trace } = importLog(new TextEncoder().encode(log), none);
  const diverged = trace.events.findIndex(
    ({ event }) => event.type === 'log.diverged' && event.observed.includes('group 7'),
  );
  expect(diverged).toBeGreaterThan(0);
  const followed = trace.events
    .slice(diverged)
    .filter(({ event }) => event.type === 'group.joined');
  expect(trace.events[diverged]).toMatchObject({ line: before + 1, timeUs: before * 1e6 });
  expect(followed[0]).toMatchObject({ event: { dev: NIC, group: 7 }, line: before + 1 });
  const later = trace.events.slice(0, diverged).some(({ line }) => (line ?? 0) > before + 1);
  expect(later).toBe(true);
});
