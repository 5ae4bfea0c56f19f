import { countPoints } from '../fuzz/coverage.ts';
import { edgesReached } from '../fuzz/edges.ts';
import type { Ledger } from '../fuzz/ledger.ts';
import type { Plan } from '../fuzz/plan.ts';
import { ranked } from '../fuzz/ranking.ts';
import { unmet } from '../fuzz/sometimes.ts';
import type { Sometimes } from '../fuzz/sometimes-table.ts';
import type { Summary } from '../report/campaign-lines.ts';
import { scenarioPath } from './campaign-folder.ts';
import { EXIT } from './exit.ts';

/** What a campaign came to. */
export interface Result {
  readonly ledger: Ledger;
  readonly plan: Plan;
  readonly dir: string;
  readonly seconds: number;
}

/** What was not met of what can happen on the campaign's machines. */
export function unmetOf({ ledger, plan }: Pick<Result, 'ledger' | 'plan'>): readonly Sometimes[] {
  return unmet(ledger.points, plan.base?.machine ?? null);
}

/** "Nothing found" is an answer only of a campaign that came about in what it was to look at. */
export function campaignExit(result: Pick<Result, 'ledger' | 'plan'>): number {
  const { known, runs } = result.ledger;
  if (known.length > 0) return EXIT.violated;
  return runs === 0 || unmetOf(result).length > 0 ? EXIT.inconclusive : EXIT.holds;
}

/** The document of `fuzz --json` and `merge --json`. */
export function campaignDocument(result: Result): object {
  const { ledger, plan, dir, seconds } = result;
  const { runs, events, points } = ledger;
  return {
    ...{ seed: plan.seed, runs, events, seconds },
    findings: ranked(ledger).map(({ known, harm, seen, alike }) => {
      const { run, finding } = known.first;
      const { name, text: _, ...told } = finding;
      return {
        ...{ ...told, harm, scenario: scenarioPath(dir, name) },
        ...{ seed: plan.seed, run, seen, alike },
      };
    }),
    coverage: { ...edgesReached(points), points: countPoints(points) },
    unmet: unmetOf(result).map(({ claim }) => claim),
  };
}

/** The same for people. */
export function summaryOf(result: Result, made: number): Summary {
  const { ledger, plan, dir, seconds } = result;
  const { edges, of } = edgesReached(ledger.points);
  return {
    ...{ ledger, seed: plan.seed, seconds, made, unmet: unmetOf(result), edges, edgesOf: of },
    pathOf: (name) => scenarioPath(dir, name),
  };
}
