/** The replayed state against what a file says of the same moment. */
import type { Run } from '../engine/run.ts';
import { moduleName } from '../model/firmware/module-table.ts';
import {
  checksOf,
  deferredChecks,
  isAgreed,
  type StateCheck,
  type StateValue,
} from './end-state.ts';
import type { Divergence } from './guide.ts';
import { UNNAMED_LATE_DRIVER } from './infer-pending.ts';
import { UNNAMED_IOMMU } from './infer-waits.ts';
import type { Moment } from './moment.ts';

/** How a file and the run compare. */
export interface Meeting {
  readonly agreed: number;
  readonly differs: readonly Divergence[];
}

/** What the machine has in the place of things whose names nobody knows. */
const STAND_INS: readonly string[] = [UNNAMED_IOMMU, moduleName(UNNAMED_LATE_DRIVER)];

/** Compares; what neither the log nor the file can make known to the model is left out. */
export function meetListing(
  run: Run,
  { source: { file }, snapshot, deferred, line }: Moment,
): Meeting {
  const { state, system } = run;
  const modules = new Set(system.machine.modules.map(({ name }) => name));
  const checks = snapshot === null ? deferredChecks(deferred, state) : checksOf(snapshot, state);
  let agreed = 0;
  const differs: Divergence[] = [];
  for (const check of checks) {
    if (check.check === 'module' && !modules.has(check.subject)) continue;
    if (STAND_INS.includes(check.subject)) continue;
    if (isAgreed(check) || isOnlyCount(check)) agreed += 1;
    else differs.push(divergenceOf(check, file, line, run));
  }
  return { agreed, differs };
}

/** How often a module is used depends on users that nothing tells of. */
function isOnlyCount({ check, expected, actual }: StateCheck): boolean {
  return check === 'module' && typeof expected === 'number' && typeof actual === 'number';
}

function divergenceOf(check: StateCheck, file: string, line: number, run: Run): Divergence {
  const said = (value: StateValue) => `${whatOf(check)}: ${valueText(value)}`;
  return {
    line,
    expected: said(check.actual),
    observed: said(check.expected),
    event: run.scheduler.events.length,
    evidence: { file, line: check.line, about: check.check },
  };
}

function whatOf({ check, subject }: StateCheck): string {
  switch (check) {
    case 'driver':
      return `driver of ${subject}`;
    case 'group':
      return subject.startsWith('group ') ? subject : `group of ${subject}`;
    case 'module':
      return `module ${subject}`;
    case 'deferred':
      return `deferral of ${subject}`;
  }
}

function valueText(value: StateValue): string {
  if (value === null) return 'none';
  if (value === '') return 'without a reason';
  if (typeof value !== 'object') return String(value);
  const { type, devices } = value;
  return `${type ?? 'no type'} with ${devices.join(', ') || 'no device'}`;
}
