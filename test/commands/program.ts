// Runs the built program on files made for a test: `npm run build` comes first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import type { KernelSpec } from '../../src/events/machine.ts';
import { writeTrace } from '../../src/events/trace-file.ts';
import { printScenario } from '../../src/scenario/print.ts';
import type { Expectation } from '../../src/scenario/scenario.ts';
import { ASSIGN_NIC, kernel, LEAKY, leakyTrace, smallMachine } from '../model/small-machine.ts';

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function reprobe(...args: readonly string[]): Promise<Ran> {
  if (!existsSync('dist/commands/main.js'))
    throw new Error('Run `npm run build` before the tests.');
  const env = { ...process.env, NO_COLOR: '1' };
  const child = spawn(process.execPath, ['bin/run.js', ...args], { env, stdio: 'pipe' });
  child.stdin.end();
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { status, stdout, stderr };
}

/** The words of a command with --json before what follows `--`. */
export function asJson(args: readonly string[]): readonly string[] {
  const at = args.indexOf('--');
  return at < 0 ? [...args, '--json'] : [...args.slice(0, at), '--json', ...args.slice(at)];
}

/** The document that a command prints with --json, and its exit code. */
export async function document(...args: readonly string[]) {
  const { status, stdout } = await reprobe(...asJson(args));
  const json: unknown = JSON.parse(stdout);
  return { status, json };
}

const dir = mkdtempSync(join(tmpdir(), 'reprobe-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Writes a file into the folder of this test and returns its path. */
export function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

export function pathOf(name: string): string {
  return join(dir, name);
}

/** A scenario of the small machine: the card is assigned to a VFIO user. */
function scenarioFile(name: string, spec: KernelSpec, expect: readonly Expectation[] = []): string {
  const scenario = {
    ...{ name: 'assign-a-card', title: '', story: '', kernel: spec, machine: smallMachine() },
    ...{ steps: ASSIGN_NIC, choices: [], expect },
  };
  return file(name, printScenario(scenario));
}

const LEAK: Expectation = { kind: 'violation', invariant: 'INV-OWN', subject: 'group 1' };
export const leaky = scenarioFile('leaky.yaml', LEAKY, [LEAK]);
export const sane = scenarioFile('sane.yaml', kernel(), [{ kind: 'holds', invariant: null }]);
const bytes = writeTrace(leakyTrace());
export const trace = file('leaky.jsonl', bytes);
export const torn = file('torn.jsonl', bytes.subarray(0, bytes.length >> 1));
export const nothing = file('nothing.txt', 'the quick brown fox\n');
/** A boot of the small machine as its kernel prints it. */
export const log = file('boot.txt', bootLog());

function bootLog(): string {
  const lines = leakyTrace().events.flatMap(({ event }) =>
    event.type === 'printk' ? [event.text] : [],
  );
  return `${lines.map((text, i) => `[    ${i}.000000] ${text}`).join('\n')}\n`;
}
