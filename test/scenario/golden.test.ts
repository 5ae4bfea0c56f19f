// Goal: a scenario's run is the same, byte for byte, on every machine and after every change that
// was not meant to change it. Method: its events and its dmesg are compared with files; after a change
// that was meant, `npm run golden` writes them anew, and the diff is read before it is committed.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runAll } from '../../src/engine/run.ts';
import { describeEvent } from '../../src/events/describe.ts';
import type { Trace } from '../../src/events/trace.ts';
import { readTrace, writeTrace } from '../../src/events/trace-file.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

const FOLDER = 'scenarios';
const GOLDEN = 'scenarios/golden';
const update = process.env['UPDATE_GOLDEN'] === '1';
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));

function simulate(file: string): { trace: Trace; story: string; dmesg: string } {
  const text = readFileSync(`${FOLDER}/${file}`, 'utf8');
  const { machine, kernel, steps, choices } = parseScenario(text, file, driverKnowledge);
  const trace = runAll({ machine, kernel }, steps, { choices }).trace();
  const told = trace.events.map(({ event, task }) => `${task}: ${describeEvent(event)}\n`);
  const printed = trace.events.flatMap(({ event }) =>
    event.type === 'printk' ? [`${event.text}\n`] : [],
  );
  return { trace, story: told.join(''), dmesg: printed.join('') };
}

describe.each(files)('%s', (file) => {
  const name = file.replace('.yaml', '');
  const { trace, story, dmesg } = simulate(file);

  it.each([
    [`${name}.events.txt`, story],
    [`${name}.dmesg.txt`, dmesg],
  ])('%s', (golden, actual) => {
    const path = `${GOLDEN}/${golden}`;
    if (update) {
      mkdirSync(GOLDEN, { recursive: true });
      writeFileSync(path, actual);
    }
    expect(existsSync(path), `${path} is missing; npm run golden writes it`).toBe(true);
    expect(actual).toBe(readFileSync(path, 'utf8'));
  });

  it('runs the same a second time', () => {
    expect(simulate(file)).toEqual({ trace, story, dmesg });
  });

  it('has a trace that reads back', () => {
    const { header, events } = readTrace(writeTrace(trace), file);
    expect({ header, events }).toEqual({ header: trace.header, events: trace.events });
  });
});
