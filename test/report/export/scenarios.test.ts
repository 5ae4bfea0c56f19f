// Every scenario of the project, exported: the script is a shell's, the scenario runs as it expects,
// the report is a mail's.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runAll } from '../../../src/engine/run.ts';
import { singlesOf } from '../../../src/events/stimulus.ts';
import { parseAction } from '../../../src/import/action.ts';
import { printAction } from '../../../src/import/action-print.ts';
import { INVARIANTS } from '../../../src/invariants/all.ts';
import { checkTrace } from '../../../src/invariants/checker.ts';
import { judgeExpectations } from '../../../src/report/expectations.ts';
import { scenarioText } from '../../../src/report/export/as-scenario.ts';
import { type Finding, findingOf } from '../../../src/report/export/finding.ts';
import { mailText } from '../../../src/report/export/mail.ts';
import { shellScript } from '../../../src/report/export/shell.ts';
import { waysToSee } from '../../../src/report/export/visible.ts';
import { surprisingSteps } from '../../../src/report/step-results.ts';
import { driverKnowledge } from '../../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../../src/scenario/parse.ts';

const files = readdirSync('scenarios').filter((file) => file.endsWith('.yaml'));
const cache = new Map<string, Finding>();

function exported(file: string): Finding {
  const known = cache.get(file);
  if (known !== undefined) return known;
  const scenario = parseScenario(readFileSync(`scenarios/${file}`, 'utf8'), file, driverKnowledge);
  const inputs = { ...scenario, stimuli: scenario.steps };
  const finding = findingOf(scenario.name, scenario.title, inputs);
  cache.set(file, finding);
  return finding;
}

/** What a person would type, without the functions at the top. */
function typed(script: string): readonly string[] {
  const lines = script.split('\n');
  const start = lines.indexOf('PROGRAM', lines.indexOf("cat > lab.py <<'PROGRAM'") + 1);
  return lines.slice(start + 1).filter((line) => line !== '' && !line.startsWith('#'));
}

describe.each(files)('%s', (file) => {
  it('is a script that a shell reads', () => {
    const script = shellScript(exported(file));
    expect(() => execFileSync('sh', ['-n'], { input: script, stdio: 'pipe' })).not.toThrow();
    expect(script).not.toMatch(/undefined|\[object|NaN/);
  });

  it('has every step that a command does, as a command that is read back', () => {
    const { steps } = exported(file);
    const stimuli = typed(shellScript(exported(file)))
      .map((line) => parseAction(line))
      .filter((stimulus) => stimulus.do !== 'note');
    const singles = steps.flatMap(({ stimulus }) =>
      stimulus.do === 'meanwhile' ? [] : singlesOf(stimulus),
    );
    const commands = singles.flatMap((single) => printAction(single) ?? []);
    expect(stimuli).toEqual(commands.map(parseAction));
  });

  it('is a scenario that makes the same run and expects what it shows', () => {
    const finding = exported(file);
    const parsed = parseScenario(scenarioText(finding), file, driverKnowledge);
    const { kernel, machine, steps } = parsed;
    expect({ kernel, machine, steps }).toEqual({
      kernel: finding.trace.header.kernel,
      machine: finding.trace.header.machine,
      steps: finding.trace.header.stimuli,
    });
    const trace = runAll({ kernel, machine }, steps, { choices: parsed.choices }).trace();
    const violations = checkTrace(trace.header, trace.events);
    const judged = judgeExpectations(parsed, file, trace, violations);
    expect(judged.filter(({ ok }) => !ok)).toEqual([]);
    expect(parsed.expect.some(({ kind }) => kind === 'violation')).toBe(violations.length > 0);
    const results = finding.steps.flatMap(({ result }) => (result === null ? [] : [result]));
    const surprises = surprisingSteps(parsed, results).filter(({ ret }) => ret !== null);
    expect(surprises).toEqual([]);
  });

  it('is a mail of 75 columns', () => {
    const finding = exported(file);
    const { violation } = finding;
    if (violation === null) return;
    const none = { kernels: [], before: [], changes: { reproduced: true, remedies: [] } };
    const mail = mailText(finding, violation, none);
    const prose = mail
      .split('\n')
      .filter((line) => !/^(?: {3,}|Subject: | {2}# | *\d+\. )/.test(line));
    expect(prose.filter((line) => line.length > 75 && line.includes(' ', 10))).toEqual([]);
    expect(mail).not.toMatch(/undefined|\[object|NaN/);
  });
});

describe('waysToSee', () => {
  it('knows every invariant', () => {
    const violation = {
      ...{ subject: 'group 0', event: 0, line: null, message: 'm', values: {}, stack: [] },
      stimulus: 'boot',
    };
    const { trace } = exported(files[0] ?? '');
    for (const { id } of INVARIANTS)
      expect([id, waysToSee({ ...violation, invariant: id }, trace)]).not.toEqual([id, null]);
  });
});
