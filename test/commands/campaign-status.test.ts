// Goal: who waits for a campaign whose time is up is told what it still does.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startStatus } from '../../src/commands/campaign-status.ts';
import { createLedger } from '../../src/fuzz/ledger.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function told(json: boolean, seconds: number, pending: number): string {
  const written: string[] = [];
  const stream = { isTTY: true, write: (text: string) => void written.push(text) };
  const clock = () => seconds;
  const status = startStatus({ ledger: createLedger(), clock, limit: 60, json }, stream);
  status.pending(pending);
  vi.advanceTimersByTime(1000);
  status.done();
  return written[0] ?? '';
}

it.each([
  [59, 3, false],
  [61, 0, false],
  [61, 3, true],
])('after %i s of 60 with %i pending, time is up: %s', (seconds, pending, isUp) => {
  const line = told(false, seconds, pending);
  expect(line).toContain('0 findings');
  expect(line.includes(`time is up: ${pending} more to look into`)).toBe(isUp);
  expect(JSON.parse(told(true, seconds, pending))).toMatchObject({ type: 'progress', pending });
});
