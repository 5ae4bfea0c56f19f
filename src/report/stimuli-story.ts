/** Bisections over stimuli and between two runs as text. */
import type { Between } from '../bisect/between.ts';
import { describeDifference } from '../bisect/differences.ts';
import { EACH_MAX, type StimulusBisection } from '../bisect/stimuli.ts';
import { describeStimulus } from '../events/stimulus.ts';
import { aligned, counted, type Line, line } from './line.ts';

/** `what` is what is bad, `many` how many stimuli there are. */
export function stimuliStory(
  found: StimulusBisection,
  what: string,
  many: number,
): readonly Line[] {
  const runs = line(`asked of ${counted(found.evaluations, 'run')}`, 'dim');
  switch (found.kind) {
    case 'found': {
      const { index, stimulus, each } = found;
      const rows = each.map((one) => [
        String(one.index + 1),
        describeStimulus(one.stimulus),
        one.needed === null ? 'cannot be told' : one.needed ? 'needed' : 'not needed',
      ]);
      return [
        line(`${what}: bad with stimulus ${index + 1} of ${many}`, 'bad'),
        line(`  first bad   ${describeStimulus(stimulus)}`),
        line(`  last good   ${index === 0 ? 'before the first one' : `the first ${index}`}`),
        line(''),
        ...(rows.length > 0
          ? [line('each of them left out', 'head'), ...aligned(rows, [0], '  ')]
          : [line(`more than ${EACH_MAX}: which of them it takes was not tried`, 'dim')]),
        line(''),
        runs,
      ];
    }
    case 'holds':
      return [
        line(`holds: ${what} after none of ${counted(many, 'stimulus', 'stimuli')}`, 'good'),
        runs,
      ];
    case 'badFromStart':
      return [line(`bad from the start: ${what} ${startWords(found.after)}`, 'bad'), runs];
    case 'notMonotone':
      return [line(`not monotone: ${found.reason}`, 'bad'), runs];
    case 'inconclusive':
      return [line(`inconclusive: ${found.reason}`, 'bad'), runs];
  }
}

function startWords(after: number): string {
  if (after === 0) return 'without a stimulus';
  return `after ${counted(after, 'stimulus', 'stimuli')}, before which it cannot be judged`;
}

/** `good` and `bad` are the names of the sources. */
export function betweenStory(
  found: Between,
  what: string,
  good: string,
  bad: string,
): readonly Line[] {
  if (found.kind === 'inconclusive') return [line(`inconclusive: ${found.reason}`, 'bad')];
  const { smallest, differences, without, evaluations } = found;
  const many = differences.length;
  const verified =
    without === 'good'
      ? line(`verified both ways: ${good} with it is bad, ${bad} without it is good`, 'good')
      : line(
          `verified one way: ${good} with it is bad, but ${bad} without it ${
            without === 'bad' ? 'is bad as well, for another reason' : 'cannot be judged'
          }`,
          'bad',
        );
  const these = smallest.length === 1 ? 'this one makes' : `these ${smallest.length} make`;
  return [
    line(`${what}: of ${counted(many, 'difference')} ${these} ${good} bad`, 'bad'),
    ...smallest.map((one) => line(`  ${describeDifference(one)}`)),
    line(''),
    verified,
    line(`asked of ${counted(evaluations, 'run')}`, 'dim'),
  ];
}
