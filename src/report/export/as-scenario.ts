/** A finding as a scenario that expects what it shows. */
import type { Violation } from '../../invariants/invariant.ts';
import { driverKnowledge } from '../../scenario/known-drivers.ts';
import { printScenario } from '../../scenario/print.ts';
import type { Expectation, Scenario } from '../../scenario/scenario.ts';
import type { Finding } from './finding.ts';

/** The text of the file. It runs as it is: all that it expects was so in the run of the finding. */
export function scenarioText(finding: Finding): string {
  return printScenario(asScenario(finding), driverKnowledge);
}

function asScenario({ name, title, violation, violations, steps, trace }: Finding): Scenario {
  const { kernel, machine, stimuli, choices } = trace.header;
  return {
    name,
    title: title === '' && violation !== null ? violation.message : title,
    story: '',
    ...{ kernel, machine, steps: stimuli, choices },
    expect: [...broken(violations), ...steps.flatMap(({ n, result }) => refused(n, result))],
  };
}

/** Each invariant with each subject that breaks it, once; `holds: all` where none does. */
function broken(violations: readonly Violation[]): readonly Expectation[] {
  if (violations.length === 0) return [{ kind: 'holds', invariant: null }];
  const seen = new Set<string>();
  return violations.flatMap(({ invariant, subject }): readonly Expectation[] => {
    const key = `${invariant} ${subject}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ kind: 'violation', invariant, subject }];
  });
}

/** Steps that fail do so on purpose. */
function refused(step: number, result: Finding['steps'][number]['result']): readonly Expectation[] {
  if (result === null || result.ret === null || result.ret === 0) return [];
  return [{ kind: 'returns', step, ret: result.ret }];
}
