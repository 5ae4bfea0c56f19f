import { Flags } from '@oclif/core';
import { reasonOf } from '../bisect/doubt.ts';
import { violationsOf } from '../bisect/rerun.ts';
import { ReprobeError } from '../error.ts';
import { printAction } from '../import/action-print.ts';
import { minimize } from '../minimize/minimize.ts';
import { scenarioText } from '../report/export/as-scenario.ts';
import { type Finding, findingOf, spreadOf } from '../report/export/finding.ts';
import { mailText } from '../report/export/mail.ts';
import { shellScript } from '../report/export/shell.ts';
import { BaseCommand } from './base.ts';
import { joinSignedValues } from './kernel-flags.ts';
import { type LoadedSource, loadSource, sourceArg, sourceFlags } from './source.ts';
import { invariantNamed } from './split-command.ts';
import { escapeControls, progress } from './terminal.ts';
import { checkOutputs, writeTo } from './write-file.ts';

/** What an export is written as. */
const FORMS = ['shell', 'yaml', 'md'] as const;
type Form = (typeof FORMS)[number];

const ONLY_GUIDED =
  'only along the lines of the log is something violated; its inputs alone do not bring it about';

/** Writes what a source does as commands for a real machine, as a scenario, or as a report. */
export default class Export extends BaseCommand {
  static override summary = 'Write a reproducer: shell commands, a scenario, or a report.';
  static override description =
    'The inputs of the source are run again without any log they came from; - is standard output.';
  static override args = { source: sourceArg };
  static override flags = {
    ...sourceFlags,
    shell: Flags.string({
      description: 'what a person types on a real machine or in QEMU, and what the kernel answers',
      helpValue: 'FILE',
    }),
    yaml: Flags.string({
      description: 'a scenario that expects what is violated',
      helpValue: 'FILE',
    }),
    md: Flags.string({ description: 'a report for a mailing list', helpValue: 'FILE' }),
    minimize: Flags.boolean({
      default: false,
      description: 'leave out first what the violation does not need; names stay as they are',
    }),
    invariant: Flags.string({
      description: 'tell of this violation, not of the first',
      helpValue: 'ID',
    }),
  };

  async run(): Promise<object> {
    const { args, flags } = await this.parse(Export, joinSignedValues(this.argv));
    const wanted = FORMS.flatMap((form) => {
      const path = flags[form];
      return path === undefined ? [] : [{ form, path }];
    });
    if (wanted.length === 0)
      throw new ReprobeError('USAGE', 'export takes at least one of --shell, --yaml and --md.');
    if (wanted.filter(({ path }) => path === '-').length > 1)
      throw new ReprobeError('USAGE', 'Two exports cannot go to standard output.');
    const files = wanted.filter(({ path }) => path !== '-');
    await checkOutputs(
      [args.source],
      files.map(({ form, path }) => [`--${form}`, path]),
    );
    const source = await loadSource(args.source, flags);
    const finding = this.findingIn(source, flags);
    const texts = wanted.map(({ form, path }) => ({ form, path, text: textOf(form, finding) }));
    for (const { path, text } of texts) {
      if (path !== '-') await writeTo(path, text);
      else if (!this.jsonEnabled()) process.stdout.write(text);
    }
    const { violation, violations, steps } = finding;
    return {
      ...{ name: finding.name, violation, violations },
      steps: steps.map(({ n, stimulus, result }) => ({
        ...{ step: n, command: printAction(stimulus), ret: result?.ret ?? null },
      })),
      ...Object.fromEntries(texts.map(({ form, text }) => [form, text])),
    };
  }

  /** What the source breaks, with no more of it than that needs where that is asked for. */
  private findingIn(source: LoadedSource, flags: Asked): Finding {
    const name = nameOf(source);
    const title = source.scenario?.title ?? '';
    const id = flags.invariant === undefined ? null : invariantNamed(flags.invariant).id;
    const whole = findingOf(name, title, source.trace.header, id);
    const { violation } = whole;
    const isOfLog = violation === null && violationsOf(source.trace).length > 0;
    const note = isOfLog ? ONLY_GUIDED : violation === null ? doubtOf(source) : null;
    if (note !== null && !this.jsonEnabled()) this.logToStderr(escapeControls(`note: ${note}`));
    if (id !== null && violation === null) {
      const message = `The inputs, run again, do not break ${id}.`;
      throw new ReprobeError('NO_EVIDENCE', message, { file: source.file });
    }
    if (!flags.minimize || violation === null) return whole;
    const steps = progress('smaller inputs found:');
    let found = 0;
    const { inputs } = minimize(source.trace.header, violation, {
      keepNames: true,
      onSmaller: () => steps.step(++found),
    });
    steps.done();
    return findingOf(name, title, inputs, violation.invariant);
  }
}

/** Why a run that breaks nothing does not show what the log is of; null where nothing speaks against it. */
function doubtOf({ doubts }: LoadedSource): string | null {
  return doubts.length === 0 ? null : reasonOf(doubts);
}

interface Asked {
  readonly minimize: boolean;
  readonly invariant?: string | undefined;
}

function textOf(form: Form, finding: Finding): string {
  switch (form) {
    case 'shell':
      return shellScript(finding);
    case 'yaml':
      return scenarioText(finding);
    case 'md': {
      const { violation } = finding;
      if (violation !== null) return mailText(finding, violation, spreadOf(finding, violation));
      throw new ReprobeError('NO_EVIDENCE', 'Nothing is violated, so there is nothing to report.', {
        hint: 'of a log, `reprobe bisect` says whether only the log brings a violation about',
      });
    }
  }
}

/** The scenario's own name, or the file's without folders and endings: `tx2-5.1` of `tx2-5.1.log.txt`. */
function nameOf({ scenario, file }: LoadedSource): string {
  if (scenario !== null) return scenario.name;
  const base = file.slice(file.lastIndexOf('/') + 1).replace(/(?:\.[A-Za-z][A-Za-z0-9]*)+$/, '');
  return /^[\w.+-]+$/.test(base) ? base : 'reproducer';
}
