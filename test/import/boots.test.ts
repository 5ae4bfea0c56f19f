// Boots are told apart as records come; the plain way has all of them at hand and is as slow as it is
// short.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createBootPlacer, type Timed } from '../../src/import/format-boot.ts';

type Placed = readonly [boot: number, replay: boolean];

function placed(records: readonly Timed[]): readonly Placed[] {
  const places: Placed[] = [];
  const placer = createBootPlacer<Timed>((record, boot, replay) => {
    expect(record).toBe(records[places.length]);
    places.push([boot, replay]);
  });
  for (const record of records) placer.push(record);
  placer.end();
  return places;
}

const MARKER = /^(Linux version \d|Booting Linux on physical CPU )/;
const SECOND = 1_000_000;

function plainly(records: readonly Timed[]): readonly Placed[] {
  let [boot, first] = [0, 0];
  return records.map((record, at) => {
    const { bootTimeUs: time, text } = record;
    const before = records.slice(first, at);
    const isSeen = (one: Timed) =>
      before.some((old) => old.bootTimeUs === one.bootTimeUs && old.text === one.text);
    const stamps = before.flatMap(({ bootTimeUs }) => bootTimeUs ?? []);
    const begins = (): boolean => {
      const marker = MARKER.exec(text)?.[1];
      const again = before.some(
        (old) => marker !== undefined && MARKER.exec(old.text)?.[1] === marker,
      );
      const high = Math.min(...[-1, -1, ...stamps].slice(-2));
      const isLow = (time ?? 0) < SECOND || (high > 100 * SECOND && (time ?? 0) < high / 10);
      const falls = time !== null && high - time > SECOND && isLow;
      if (record.afterBootNote) return true;
      if (!again && !falls) return false;
      if (time === null) return true;
      if (Math.max(-1, ...stamps) < 1000 && isSeen(record)) return false;
      const ahead = records.slice(at).filter((one) => (one.bootTimeUs ?? 0) >= 1000);
      const next = ahead.slice(0, 4);
      if (!again && next.some((one) => (one.bootTimeUs ?? 0) >= high)) return false;
      if (next.length > 0) return next.filter(isSeen).length * 2 <= next.length;
      return !records.slice(at, at + 4).every(isSeen);
    };
    if (at > 0 && begins()) {
      boot++;
      first = at;
      return [boot, false];
    }
    const isOld = time !== null && (time < Math.max(-1, ...stamps) || time >= 1000);
    const replay = isOld && isSeen(record);
    return [boot, replay];
  });
}

it('places each record as one does who has read the whole log', () => {
  const stamp = fc.constantFrom(null, 0, 0, 1, 999, 1000, 2000, SECOND, 2 * SECOND, 3 * SECOND + 1);
  const late = fc.constantFrom(5 * SECOND, 90 * SECOND, 120 * SECOND, 2000 * SECOND, 2001 * SECOND);
  const text = fc.constantFrom(
    'a',
    'b',
    'c',
    'Linux version 6.1',
    'Booting Linux on physical CPU 0',
  );
  const record: fc.Arbitrary<Timed> = fc.record({
    bootTimeUs: fc.oneof({ weight: 2, arbitrary: stamp }, late),
    text,
    afterBootNote: fc.nat({ max: 30 }).map((n) => n === 0),
  });
  // Stretches that come again are what a replay is.
  const stretch = fc.array(record, { maxLength: 8 });
  const log = fc.array(fc.nat({ max: 3 }), { maxLength: 10 });
  fc.assert(
    fc.property(fc.tuple(stretch, stretch, stretch, stretch), log, (stretches, order) => {
      const records = order.flatMap((i) => stretches[i] ?? []).map((one) => ({ ...one }));
      expect(placed(records)).toEqual(plainly(records));
    }),
    { numRuns: 2000 },
  );
});

it('does not wait for ever for a stamp that tells boots apart', () => {
  const at = (bootTimeUs: number): Timed => ({ bootTimeUs, text: 'x', afterBootNote: false });
  let given = 0;
  const placer = createBootPlacer<Timed>(() => given++);
  for (const record of [at(9 * SECOND), at(9 * SECOND)]) placer.push(record);
  for (let i = 0; i < 70_000; i++) placer.push(at(0));
  expect(given).toBeGreaterThan(0);
  placer.end();
  expect(given).toBe(70_002);
});
