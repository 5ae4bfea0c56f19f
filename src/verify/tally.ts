/** Counting what agrees, and keeping what does not. */

/** What is compared, each on its own scale. */
export const CHECKS = [
  'driver',
  'group',
  'status',
  'errno',
  'owner',
  'kprobe',
  'module',
  'link',
  'deferred',
  'message',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** Something that the recording and the emulated run do not agree on. */
export interface Mismatch {
  readonly check: CheckName;
  /** When: `boot`, `action 7`, `sysfs-7.txt`. */
  readonly at: string;
  readonly subject: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

export interface Tally {
  readonly checks: Readonly<Record<CheckName, { ok: number; of: number }>>;
  readonly mismatches: Mismatch[];
  /** Counts one comparison; plain data, equal when its JSON is. */
  compare(check: CheckName, at: string, subject: string, expected: unknown, actual: unknown): void;
  /** Counts things that agree without a comparison of their own. */
  agree(check: CheckName, count: number): void;
}

/** An empty tally. */
export function createTally(): Tally {
  const zero = () => ({ ok: 0, of: 0 });
  const checks: Record<CheckName, { ok: number; of: number }> = {
    driver: zero(),
    group: zero(),
    status: zero(),
    errno: zero(),
    owner: zero(),
    kprobe: zero(),
    module: zero(),
    link: zero(),
    deferred: zero(),
    message: zero(),
  };
  const mismatches: Mismatch[] = [];
  return {
    checks,
    mismatches,
    compare(check, at, subject, expected, actual) {
      checks[check].of += 1;
      if (JSON.stringify(expected) === JSON.stringify(actual)) checks[check].ok += 1;
      else mismatches.push({ check, at, subject, expected, actual });
    },
    agree(check, count) {
      checks[check].of += count;
      checks[check].ok += count;
    },
  };
}
