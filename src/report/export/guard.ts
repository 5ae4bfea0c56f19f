/**
 * What an exported script does before anything else: it looks whether this is the machine that it is
 * about, says what it would do, and goes no further unless it is told to.
 */
import { foldAll } from '../../engine/history.ts';
import { type Single, type Stimulus, singlesOf } from '../../events/stimulus.ts';
import { shellWords } from '../../import/action-shell.ts';
import type { State } from '../../model/state/state.ts';
import { isOptionName } from '../../model/versions/option-table.ts';
import { parseRelease } from '../../model/versions/profile.ts';
import { stepEndsOf } from '../step-results.ts';
import type { Finding } from './finding.ts';
import { oneLine } from './wrap.ts';

/** What is typed for a step; null for what no command does. */
type Typed = (stimulus: Stimulus) => readonly string[] | null;

/** The last line of the guard: commands of the steps come behind it. */
export const GUARD_END = '[ "$(id -u)" -eq 0 ] || refuse "root is needed"';

/** Nothing where nothing is typed. All names from the source stand in single quotes. */
export function guardLines({ steps, trace }: Finding, typed: Typed): readonly string[] {
  const first = steps.findIndex(({ stimulus }) => typed(stimulus) !== null);
  if (first < 0) return [];
  const before = first === 0 ? 0 : (stepEndsOf(trace)[first - 1] ?? 0);
  const state = foldAll(trace.events.slice(0, before));
  const doing = steps.flatMap(({ stimulus }) =>
    typed(stimulus) === null ? [] : singlesOf(stimulus),
  );
  const files = new Set(doing.flatMap((one) => filesOf(one, state)));
  return [
    '',
    '# Looks whether this is the machine, and says what it would do; does it where "go" is given.',
    'refuse() { echo "$0: $1: nothing was done" >&2; exit 1; }',
    'here() { [ -e "$1" ] || refuse "there is no $1"; }',
    ...kernelLines(trace.header.kernel),
    ...[...files].map((file) => shellWords(['here', file])),
    "cat <<'PLAN'",
    'This would, on this machine:',
    ...steps.flatMap(({ n, stimulus }) =>
      (typed(stimulus) ?? []).map((command) => `  ${n}. ${oneLine(command)}`),
    ),
    'PLAN',
    '[ "$*" = go ] || { echo "Nothing was done. To do it, as root: sh $0 go"; exit 0; }',
    GUARD_END,
  ];
}

function kernelLines({ version, release, config }: Finding['trace']['header']['kernel']) {
  const series = parseRelease(release ?? version)?.series ?? version;
  const options = Object.entries(config).filter(([name]) => isOptionName(name));
  return [
    'case "$(uname -r)" in',
    `${shellWords([series])} | ${shellWords([series])}[!0-9]*) ;;`,
    `*) refuse ${shellWords([`it is about Linux ${series}, and this is `])}"$(uname -r)" ;;`,
    'esac',
    ...(options.length === 0 ? [] : CONFIG_LINES),
    ...options.map(([name, value]) => shellWords(['option', name, value])),
  ];
}

/** What cannot be read is taken to be right. */
const CONFIG_LINES: readonly string[] = [
  'options() { zcat /proc/config.gz 2>/dev/null || cat "/boot/config-$(uname -r)" 2>/dev/null; }',
  'option() {',
  '  is=$(options | sed -n "s/^CONFIG_$1=//p")',
  '  [ -n "$is" ] || is=n',
  '  [ -z "$(options | head -n 1)" ] || [ "$is" = "$2" ] ||',
  '    refuse "it needs CONFIG_$1=$2, and here it is $is"',
  '}',
];

/** Files of sysfs that a step is about and that are there before the first command. */
function filesOf(step: Single, { devices, buses, groups }: State): readonly string[] {
  const dev = 'dev' in step ? step.dev : null;
  const bus = dev === null ? undefined : devices[dev]?.bus;
  const device = bus === undefined || bus === '' ? [] : [`/sys/bus/${bus}/devices/${dev}`];
  if ('drv' in step && 'bus' in step && step.drv !== null) {
    const isThere = buses[step.bus]?.drivers[step.drv] !== undefined;
    // An override names a driver that may come later.
    if (isThere && step.do !== 'driver_override')
      return [...device, `/sys/bus/${step.bus}/drivers/${step.drv}`];
  }
  if (step.do === 'group_type')
    return (groups[step.group]?.devices ?? []).map(
      (member) => `/sys/kernel/iommu_groups/${step.group}/devices/${member}`,
    );
  return device;
}
