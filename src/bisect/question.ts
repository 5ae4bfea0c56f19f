/** Questions asked of a run by doing something on a fork of it: would VFIO get this group now? */
import type { Run } from '../engine/run.ts';
import type { TaskEnd } from '../engine/tasks.ts';
import { ReprobeError } from '../error.ts';
import { errnoName } from '../events/errno.ts';
import type { Machine } from '../events/machine.ts';
import { describeStimulus, type Stimulus } from '../events/stimulus.ts';
import { builtIn } from '../model/firmware/board.ts';
import { KNOWN_DRIVERS } from '../model/firmware/driver-table.ts';
import type { ReadDevice, ReadState } from '../model/state/state.ts';

export type Question =
  /** Takes the devices of a group away from their drivers, gives them to VFIO, and opens it. */
  | { readonly ask: 'vfio-open'; readonly target: string }
  | { readonly ask: 'bind'; readonly dev: string; readonly drv: string }
  | { readonly ask: 'probe'; readonly dev: string }
  | { readonly ask: 'unload'; readonly module: string };

/** What came of a question. */
export type Answer =
  | { readonly kind: 'yes' }
  /** What it is about is not there. */
  | { readonly kind: 'absent'; readonly what: string }
  /** A call said no: which one, and with which errno; 0 where it does not return. */
  | { readonly kind: 'no'; readonly ret: number; readonly at: string; readonly why: string };

interface Form {
  readonly words: readonly string[];
  readonly doc: string;
  readonly read: (words: readonly string[]) => Question;
}

const FORMS: Readonly<Record<string, Form>> = {
  'vfio-open': {
    words: ['GROUP|DEVICE'],
    doc: 'would a VFIO user get the group, once its devices were handed over?',
    read: ([target = '']) => ({ ask: 'vfio-open', target }),
  },
  bind: {
    words: ['DEVICE', 'DRIVER'],
    doc: 'would writing the device to the bind file of the driver return 0?',
    read: ([dev = '', drv = '']) => ({ ask: 'bind', dev, drv }),
  },
  probe: {
    words: ['DEVICE'],
    doc: 'would writing the device to drivers_probe leave it with a driver?',
    read: ([dev = '']) => ({ ask: 'probe', dev }),
  },
  unload: {
    words: ['MODULE'],
    doc: 'would rmmod of the module return 0?',
    read: ([module = '']) => ({ ask: 'unload', module }),
  },
};

/** Each question as it is written, and what it means. */
export function documentQuestions(): readonly (readonly [form: string, doc: string])[] {
  return Object.entries(FORMS).map(([word, { words, doc }]) => [[word, ...words].join(' '), doc]);
}

/** @throws ReprobeError BAD_EXPRESSION, with the column of the word that is wrong. */
export function parseQuestion(text: string, file: string): Question {
  const found = [...text.matchAll(/\S+/g)];
  const words = found.map(([word]) => word);
  const [word = '', ...rest] = words;
  const form = Object.hasOwn(FORMS, word) ? FORMS[word] : undefined;
  const hint = `the questions are: ${documentQuestions()
    .map(([one]) => one)
    .join('; ')}`;
  const wrong = (message: string, at: number) =>
    new ReprobeError('BAD_EXPRESSION', message, {
      ...{ file, line: 1, column: (found[at]?.index ?? text.length) + 1, sourceLine: text, hint },
    });
  if (form === undefined) throw wrong(`There is no question '${word}'.`, 0);
  if (rest.length < form.words.length)
    throw wrong(`${word} needs ${form.words.slice(rest.length).join(' and ')}.`, words.length);
  if (rest.length > form.words.length)
    throw wrong(
      `${word} takes ${form.words.join(' and ')}, and nothing more.`,
      form.words.length + 1,
    );
  return form.read(rest);
}

/** Does the question make sense in that state: is there what it is about? */
export function isApplicable(question: Question, state: ReadState): boolean {
  return absentIn(question, state) === null;
}

function absentIn(question: Question, state: ReadState): string | null {
  switch (question.ask) {
    case 'vfio-open':
      return groupOf(question.target, state) === null ? `no group of ${question.target}` : null;
    case 'bind':
    case 'probe':
      return state.devices[question.dev] === undefined ? `no device ${question.dev}` : null;
    case 'unload':
      return state.modules[question.module] === undefined ? `no module ${question.module}` : null;
  }
}

function groupOf(target: string, state: ReadState): number | null {
  const device = state.devices[target];
  if (device !== undefined) return device.iommu_group;
  return state.groups[target]?.id ?? null;
}

/** The machine with what the question needs: VFIO's drivers and modules, where it has none. */
export function machineFor({ ask }: Question, machine: Machine): Machine {
  if (ask !== 'vfio-open') return machine;
  const missing = KNOWN_DRIVERS.filter(
    ({ name, bus }) =>
      Object.values(VFIO_DRIVERS).includes(name) &&
      !machine.drivers.some((driver) => driver.name === name && driver.bus === bus),
  );
  const drivers = missing.map((known) => ({ ...builtIn(known), module: known.module }));
  const needed = ['vfio', 'vfio_iommu_type1', ...drivers.map(({ module }) => module)];
  const modules = needed.flatMap((name) => {
    if (name === null || machine.modules.some((one) => one.name === name)) return [];
    return [{ name, depends: name === 'vfio' ? [] : ['vfio'] }];
  });
  return {
    ...machine,
    drivers: [...machine.drivers, ...drivers],
    modules: [...machine.modules, ...modules],
  };
}

/** The driver of VFIO for each bus. */
const VFIO_DRIVERS: Readonly<Record<string, string>> = {
  pci: 'vfio-pci',
  platform: 'vfio-platform',
  amba: 'vfio-amba',
  'fsl-mc': 'vfio-fsl-mc',
};

const YES: Answer = { kind: 'yes' };

/** Asks a fork, which is spent by it. Cost: the run of a few stimuli. */
export function answerOf(question: Question, run: Run): Answer {
  const what = absentIn(question, run.state);
  if (what !== null) return { kind: 'absent', what };
  if (run.state.oops !== null) return refused(0, run.state.oops, 'the machine has stopped');
  switch (question.ask) {
    case 'vfio-open':
      return openGroup(run, question.target);
    case 'bind': {
      const { dev, drv } = question;
      return done(run, { do: 'bind', bus: busOf(run, dev), drv, dev }) ?? YES;
    }
    case 'probe': {
      const { dev } = question;
      const no = done(run, { do: 'drivers_probe', bus: busOf(run, dev), dev });
      if (no !== null) return no;
      if (run.state.devices[dev]?.bound === true) return YES;
      const reason = run.state.devices[dev]?.deferred_reason ?? 'it has no driver afterwards';
      return refused(0, 'drivers_probe', reason);
    }
    case 'unload':
      return done(run, { do: 'rmmod', module: question.module, force: false }) ?? YES;
  }
}

/** An answer in a few words: `no: -EPERM from VFIO_GROUP_SET_CONTAINER`. */
export function describeAnswer(answer: Answer): string {
  switch (answer.kind) {
    case 'yes':
      return 'yes';
    case 'absent':
      return `there is ${answer.what}`;
    case 'no': {
      const { ret, at, why } = answer;
      const errno = ret === 0 ? '' : `-${errnoName(-ret)} from `;
      return `no: ${errno}${at}${why === '' ? '' : ` (${why})`}`;
    }
  }
}

function refused(ret: number, at: string, why = ''): Answer {
  return { kind: 'no', ret, at, why };
}

function busOf(run: Run, dev: string): string {
  return run.state.devices[dev]?.bus ?? '';
}

/** Does something; null where it came off. */
function done(run: Run, stimulus: Stimulus): Answer | null {
  return endedAs(run.give(stimulus), describeStimulus(stimulus));
}

function endedAs(end: TaskEnd, at: string): Answer | null {
  switch (end.kind) {
    case 'returned':
      return end.ret === 0 ? null : refused(Math.min(end.ret, 0), at);
    case 'blocked':
      return refused(0, at, `it does not return: it waits for ${end.on}`);
    case 'dead':
      return refused(0, at, 'it oopses');
  }
}

/**
 * What a user does who takes a group: loads VFIO, hands each endpoint over, opens it. Drivers that
 * leave DMA to user space stay where they are.
 */
function openGroup(run: Run, target: string): Answer {
  const group = groupOf(target, run.state);
  const members = run.state.groups[group ?? '']?.devices ?? [];
  const wanted = members.includes(target) ? target : members.find((dev) => isEndpoint(run, dev));
  if (group === null || wanted === undefined)
    return { kind: 'absent', what: 'nothing to open in it' };
  const { bus = '' } = run.state.devices[wanted] ?? {};
  for (const step of loadingOf(run, bus)) {
    const no = done(run, step);
    if (no !== null) return no;
  }
  for (const dev of members) {
    const no = isEndpoint(run, dev) ? handOver(run, dev) : null;
    if (no !== null) return no;
  }
  const none = { dma: false, nocontainer: false, nodevice: false };
  const before = run.scheduler.events.length;
  const end = run.give({ do: 'vfio', group: String(group), dev: wanted, ...none, hold: null });
  if (end.kind === 'returned' && end.ret === 0) return YES;
  const calls = run.scheduler.events.slice(before).flatMap(({ event }) => {
    return event.type === 'syscall.returned' && event.ret < 0 ? [event] : [];
  });
  const last = calls.at(-1);
  if (end.kind === 'returned' && last !== undefined) return refused(last.ret, last.call);
  return endedAs(end, `open of group ${group}`) ?? YES;
}

function isEndpoint(run: Run, dev: string): boolean {
  const device = run.state.devices[dev];
  const header = device?.spec.pci?.header ?? 0;
  return device !== undefined && header === 0 && VFIO_DRIVERS[device.bus] !== undefined;
}

function handOver(run: Run, dev: string): Answer | null {
  const device = run.state.devices[dev];
  const drv = VFIO_DRIVERS[device?.bus ?? ''];
  if (device === undefined || drv === undefined) return null;
  const { bus } = device;
  if (isManaged(run, device)) return null;
  const steps: readonly Stimulus[] = [
    { do: 'driver_override', bus, dev, drv },
    ...(device.driver === null ? [] : [{ do: 'unbind', bus, drv: '', dev } as const]),
    { do: 'bind', bus, drv, dev },
  ];
  for (const step of steps) {
    const no = done(run, step);
    if (no !== null) return no;
  }
  return null;
}

function isManaged({ state }: Run, { bus, driver }: ReadDevice): boolean {
  return state.buses[bus]?.drivers[driver ?? '']?.spec.driver_managed_dma === true;
}

/** What loads VFIO where it is not loaded. */
function loadingOf({ state, system }: Run, bus: string): readonly Stimulus[] {
  const spec = system.machine.drivers.find(
    (one) => one.bus === bus && one.name === VFIO_DRIVERS[bus],
  );
  const wanted = ['vfio_iommu_type1', spec?.module ?? null];
  return wanted.flatMap((module) => {
    const isKnown = system.machine.modules.some(({ name }) => name === module);
    if (module === null || !isKnown || state.modules[module] !== undefined) return [];
    return [{ do: 'modprobe', module, params: '' } as const];
  });
}
