/** A finding as a script: what a person types on a machine, and what the kernel answers. */
import { errnoName, errnoText } from '../../events/errno.ts';
import { describeStimulus, type Stimulus, singlesOf } from '../../events/stimulus.ts';
import { printAction } from '../../import/action-print.ts';
import { shellWords } from '../../import/action-shell.ts';
import { findInvariant } from '../../invariants/all.ts';
import type { Violation } from '../../invariants/invariant.ts';
import type { DoneStep, Finding } from './finding.ts';
import { guardLines } from './guard.ts';
import { kernelNeeds } from './kernel-needs.ts';
import { hasPlainNames } from './plain-names.ts';
import { type QemuLine, qemuOf } from './qemu.ts';
import { VFIO_FUNCTIONS } from './vfio-program.ts';
import { waysToSee } from './visible.ts';
import { oneLine, wrapped } from './wrap.ts';

const WIDTH = 96;
/** Of the kernel's lines so many are told of a boot, and of any other step. */
const BOOT_LINES = 12;
const STEP_LINES = 20;

/**
 * A POSIX shell script that stands on its own. What no command does is a comment that says what has
 * to happen; text that came from a source stands in comments and in quotes only.
 */
export function shellScript(finding: Finding): string {
  const { steps } = finding;
  const needsVfio = steps.some(({ stimulus }) => singlesOf(stimulus).some(isVfio));
  const lines = [
    '#!/bin/sh',
    ...headLines(finding),
    'set -u',
    ...guardLines(finding, typed),
    ...(needsVfio ? ['', ...VFIO_FUNCTIONS] : []),
    ...steps.flatMap((step) => ['', ...stepLines(step, finding)]),
    ...endLines(finding),
  ];
  return `${lines.join('\n')}\n`;
}

const comment = (text: string, indent = ''): readonly string[] =>
  wrapped(oneLine(text), WIDTH, `# ${indent}`, `# ${indent}  `);

function headLines({ name, title, violation, trace }: Finding): readonly string[] {
  const { kernel, machine } = trace.header;
  const cmdline = oneLine(kernel.cmdline);
  return [
    ...comment(name),
    ...(title === '' ? [] : comment(title)),
    '#',
    ...(violation === null
      ? comment('Everything that reprobe checks holds.')
      : brokenLines(violation)),
    '#',
    '# Kernel:',
    ...kernelNeeds(trace).flatMap((need) => comment(need, '  ')),
    `# Boot parameters: ${cmdline === '' ? 'none that matter' : cmdline}`,
    ...qemuLines(qemuOf(machine, kernel)),
    '#',
    '# `sh FILE` says what it would do, and `sh FILE go` does it, as root; or type the commands one by',
    '# one. Below each stands what the kernel answers; numbers of groups can be others on another',
    '# machine.',
  ];
}

function brokenLines({ invariant, subject, message }: Violation): readonly string[] {
  const { code, claim } = findInvariant(invariant) ?? {};
  return [
    ...comment(`${sentence(subject, message)}.`),
    ...comment(`That breaks ${invariant} (${code}): ${claim}`),
  ];
}

function qemuLines(qemu: ReturnType<typeof qemuOf>): readonly string[] {
  if (qemu.kind === 'none') return comment(`Machine: a real one; ${qemu.why}.`);
  const lacks =
    qemu.lacks.length === 0
      ? []
      : comment(
          `QEMU has no ${qemu.lacks.join(', no ')}: without them it is another machine.`,
          '  ',
        );
  return [
    '# Machine: a real one, or in QEMU, with paths of your own in capitals:',
    ...qemuCommand(qemu).map((line) => `#   ${line}`),
    ...lacks,
  ];
}

/** One option a line, continued as a shell wants it. */
function qemuCommand({ program, options }: QemuLine): readonly string[] {
  const rows = options.map(([option, value]) =>
    oneLine(value === '' ? option : `${option} ${shellWords([value])}`),
  );
  const last = rows.length;
  return [program, ...rows].map(
    (row, i) => `${i === 0 ? '' : '  '}${row}${i === last ? '' : ' \\'}`,
  );
}

function stepLines(step: DoneStep, { violation, trace }: Finding): readonly string[] {
  const { n, stimulus, violations } = step;
  const lines = typed(stimulus);
  const first = violations.find((one) => one === violation);
  return [
    ...(lines === null ? undoable(step) : [`# ${n}.`, ...lines]),
    ...resultLines(step),
    ...printedLines(step, trace.header.stimuli),
    ...(first === undefined ? [] : comment(`! From here on: ${first.message}.`)),
    ...violations
      .filter((one) => one !== first)
      .flatMap((one) => comment(`! Also: ${one.message}.`)),
  ];
}

function isVfio({ do: what }: Stimulus): boolean {
  return what === 'vfio' || what === 'vfio_ioctl' || what === 'vfio_release';
}

/** What is typed, and what waits for it; null for what no command does, or none that is safe. */
function typed(stimulus: Stimulus): readonly string[] | null {
  if (!singlesOf(stimulus).every(hasPlainNames)) return null;
  if (stimulus.do !== 'together') {
    const command = printAction(stimulus);
    return command === null ? null : commandLines(stimulus, command);
  }
  const commands = stimulus.steps.map((step) => printAction(step));
  if (commands.includes(null)) return null;
  const started = commands.flatMap((command, i) => [`${command} &`, `job${i}=$!`]);
  return [...started, `wait ${commands.map((_, i) => `"$job${i}"`).join(' ')}`];
}

/** A user that holds its files runs beside the rest. */
function commandLines(stimulus: Stimulus, command: string): readonly string[] {
  if (stimulus.do === 'vfio' && stimulus.hold !== null)
    return [`${command} &`, shellWords(['held', stimulus.hold])];
  if (stimulus.do === 'vfio_release') return [command, shellWords(['gone', stimulus.hold])];
  if (stimulus.do === 'insmod') return ['# with the path of the module', command];
  return [command];
}

/** What a person sees to where no command does it. */
function undoable({ n, stimulus, timeoutSeconds }: DoneStep): readonly string[] {
  const did = `${n}. ${describeStimulus(stimulus)}`;
  switch (stimulus.do) {
    case 'boot':
      return comment(`${n}. Boot that kernel.`);
    case 'late_initcall':
      return comment(`${n}. The boot ends: late_initcall has run.`);
    case 'device_add':
      return comment(
        `${n}. The device ${stimulus.dev} appears: its bus finds it, or a driver makes it.`,
      );
    case 'driver_register':
      return comment(`${n}. The driver ${stimulus.drv} registers: load its module.`);
    case 'deferred_probe_timeout':
      return [
        ...comment(`${did}: wait for it.`),
        ...(timeoutSeconds === null ? [] : [`sleep ${timeoutSeconds + 1}`]),
      ];
    case 'plug':
      return comment(`${did}, by hand: in QEMU by device_add or device_del of its monitor.`);
    case 'dma':
      return comment(`${did} by DMA: its driver or its firmware has it do that.`);
    case 'page_alloc':
      return comment(`${did}: it takes that sooner or later; nobody can make it.`);
    case 'vfio':
      return comment(`${did} by its own file and iommufd ${stimulus.iommufd ?? ''}, as QEMU does.`);
    case 'meanwhile': {
      const command = printAction(stimulus.step);
      const when = `as the kernel prints "${stimulus.line}" in the next step`;
      return [
        ...comment(`${n}. Meanwhile, ${when}, from another shell:`),
        ...comment(command === null ? describeStimulus(stimulus.step) : `$ ${command}`, '  '),
      ];
    }
    default:
      return comment(did);
  }
}

/** What the command, or each call of a user of VFIO, returns; nothing for what just works. */
function resultLines({ stimulus, result, calls }: DoneStep): readonly string[] {
  if (result === null) return comment('-> the kernel never comes to it', '  ');
  if (singlesOf(stimulus).every(isVfio))
    return calls.flatMap(({ call, ret, value }) =>
      comment(`-> ${call} = ${returnText(ret)}${value === '' ? '' : ` ${value}`}`, '  '),
    );
  if (result.ret === null) return comment('-> does not come back', '  ');
  return result.ret === 0 ? [] : comment(`-> ${returnText(result.ret)}`, '  ');
}

/** What is wrong, with its subject where the message does not name it. */
export function sentence(subject: string, message: string): string {
  return message.includes(subject) ? message : `${subject}: ${message}`;
}

/** `-EPERM (Operation not permitted)`. */
export function returnText(ret: number): string {
  return ret < 0 ? `${errnoName(ret)} (${errnoText(ret)})` : String(ret);
}

/** The kernel's lines; of a boot those about what the steps speak of, and what went wrong. */
function printedLines(
  { stimulus, printed }: DoneStep,
  all: readonly Stimulus[],
): readonly string[] {
  const names = all
    .flatMap(singlesOf)
    .flatMap((one) => ('dev' in one && one.dev !== null ? [one.dev] : []));
  const isTold = ({ text, level }: DoneStep['printed'][number]): boolean =>
    stimulus.do !== 'boot' ||
    ['emerg', 'alert', 'crit', 'err', 'warn'].includes(level) ||
    names.some((name) => name !== '' && text.includes(name)) ||
    /iommu group \d/.test(text);
  const told = printed.filter(isTold);
  const shown = told.slice(0, stimulus.do === 'boot' ? BOOT_LINES : STEP_LINES);
  const more = printed.length - shown.length;
  return [
    ...shown.map(({ text }) => `#   dmesg: ${oneLine(text)}`),
    ...(more === 0 ? [] : comment(`and ${more} lines more of that boot`, '  ')),
  ];
}

function endLines({ violation, trace }: Finding): readonly string[] {
  const ways = violation === null ? null : waysToSee(violation, trace);
  if (ways === null) return [];
  return [
    '',
    '# How to see it:',
    ...ways.flatMap(({ command, shows }) => [
      ...(command === null ? [] : [`#   $ ${oneLine(command)}`]),
      ...comment(shows, command === null ? '  ' : '    '),
    ]),
  ];
}
