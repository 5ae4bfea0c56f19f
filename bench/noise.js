// Noise around a bug: devices, drivers, modules and stimuli that have nothing to do with it, drawn by
// seed. What a draw would change in the bug is drawn again without it.

/** A generator of numbers from 0 below n; the same seed gives the same numbers (mulberry32). */
export function dice(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (n) => Math.floor(next() * n),
    of: (list) => list[Math.floor(next() * list.length)],
    chance: (p) => next() < p,
  };
}

const hex = (value, digits) => value.toString(16).padStart(digits, '0');

/** Kinds of noise, the tamest last: what cannot be beside a bug is left out from the front. */
const KINDS = [
  'shuffled',
  'renamed',
  'behind its IOMMU',
  'on its bus',
  'rescans',
  'own IOMMU',
  'early',
  'plain',
];

/** What makes noise, of the pieces of the minimiser that it is made with: of src or of dist. */
export function createNoise(pieces) {
  return (inputs, wanted, seed) => noisy(pieces, inputs, wanted, seed);
}

/**
 * The inputs with at least 50 devices and 200 stimuli more.
 *
 * @param wanted what must still happen: as for attempt()
 * @returns inputs, the violation in them, and which kinds of noise there are
 */
function noisy(pieces, inputs, wanted, seed) {
  const { attempt, draftOf } = pieces;
  const core = attempt(draftOf(inputs), wanted);
  if (core === null) throw new Error('the bug does not happen without noise');
  for (let without = 0; without < KINDS.length; without += 1) {
    const isLast = without === KINDS.length - 1;
    for (let go = 0; go < (isLast ? 32 : 4); go += 1) {
      const kinds = KINDS.slice(without);
      const die = dice(seed * 64 + without * 4 + go);
      const mine = disguised(pieces, core, kinds, die);
      const made = around(mine, kinds, die);
      const hit = attempt(made, { ...wanted, isIt: sameAs(mine.subject) });
      if (hit === null) continue;
      const { kernel, machine, stimuli, choices } = hit.inputs;
      const rest = made.steps.slice(stimuli.length).map(({ stimulus }) => stimulus);
      const all = { kernel, machine, stimuli: [...stimuli, ...rest], choices };
      return { inputs: all, violation: hit.violation, kinds, core };
    }
  }
  throw new Error('every noise changes the bug');
}

const sameAs =
  ({ kind, names }) =>
  (_, subject) =>
    subject.kind === kind &&
    (names.length + subject.names.length === 0 || names.some((n) => subject.names.includes(n)));

/** The bug on another machine: with other names, and what stands in lists in another order. */
function disguised({ renamed, renamedSubject, isKnown }, { draft, inputs, subject }, kinds, die) {
  let mine = { draft, subject };
  if (kinds.includes('renamed')) {
    const { devices, drivers, modules } = draft.machine;
    const number = () => hex(0x10000000 + die.below(0x70000000), 8);
    const of = (list, name) => new Map(list.map((one) => [one.name, name(one)]));
    const names = {
      device: of(
        devices.filter(({ bus }) => bus === 'platform' || bus === 'amba'),
        () => `${number()}.thing`,
      ),
      driver: of(
        drivers.filter((drv) => !isKnown(drv)),
        ({ name }) => `${name}-${die.below(1000)}`,
      ),
      module: of(
        modules.filter(({ name }) => drivers.every((d) => d.module !== name || !isKnown(d))),
        ({ name }) => (name.startsWith('vfio') ? name : `${name}_${die.below(1000)}`),
      ),
      bus: new Map(),
    };
    const other = renamed(draft, inputs.choices, names);
    mine = { draft: other, subject: renamedSubject(subject, names) };
  }
  if (!kinds.includes('shuffled')) return mine;
  const { machine } = mine.draft;
  const lists = ['devices', 'drivers', 'modules'].map((key) => [key, shuffled(machine[key], die)]);
  const other = { ...machine, ...Object.fromEntries(lists) };
  return { ...mine, draft: { ...mine.draft, machine: other } };
}

function shuffled(list, die) {
  const left = list.slice();
  return list.map(() => left.splice(die.below(left.length), 1)[0]);
}

function around({ draft }, kinds, die) {
  const { kernel, machine } = draft;
  const made = parts(machine, kinds, die);
  const builtIn = made.drivers.filter(({ module }) => module === null);
  const registered = builtIn.map(({ bus, name }) => ({ step: 'driver', bus, drv: name }));
  const noise = steps(made, kinds, die).map((stimulus) => ({ stimulus, groupOf: [null] }));
  return {
    kernel: {
      ...kernel,
      config: { ...kernel.config, NOISE: 'y', LOCALVERSION_AUTO: 'n' },
      cmdline: [kernel.cmdline, 'quiet', `loglevel=${die.below(8)}`].join(' ').trim(),
    },
    machine: {
      ...machine,
      devices: mixed(machine.devices, made.devices, die),
      drivers: mixed(machine.drivers, made.drivers, die),
      modules: mixed(machine.modules, made.modules, die),
      boot: machine.boot.length === 0 ? [] : mixed(machine.boot, registered, die),
    },
    steps: mixedSteps(draft.steps, noise, kinds.includes('early'), die),
    schedule: draft.schedule,
  };
}

/** Both lists as one, each in its order. */
function mixed(a, b, die) {
  const all = [];
  let [i, j] = [0, 0];
  while (i + j < a.length + b.length) {
    const left = die.below(a.length - i + b.length - j) < a.length - i;
    all.push(left ? a[i++] : b[j++]);
  }
  return all;
}

/** Noise stands behind the boot, and what needs no boot also before it. */
function mixedSteps(own, noise, early, die) {
  const needsBoot = ({ stimulus }) => !['device_add', 'note'].includes(stimulus.do);
  const first = early ? noise.filter((step) => !needsBoot(step)).slice(0, 40) : [];
  const rest = noise.filter((step) => !first.includes(step));
  return [...first, ...own.slice(0, 1), ...mixed(own.slice(1), rest, die)];
}

/** Devices, with the drivers and modules that they have. */
function parts(machine, kinds, die) {
  const devices = [];
  const drivers = [];
  const modules = [];
  const driver = (bus, name, ids, over) => {
    const spec = { name, bus, module: null, ids, driver_managed_dma: false };
    drivers.push({ ...spec, suppress_bind_attrs: false, probe_type: 'default', ...over });
  };
  for (let n = 0; n < 6 + die.below(5); n += 1) {
    const module = die.chance(0.4) ? `noise_mod${n}` : null;
    if (module !== null)
      modules.push({ name: module, depends: die.chance(0.3) ? ['noise_lib'] : [] });
    driver('platform', `noise-drv${n}`, [`noise,kind${n}`], {
      module,
      ...(die.chance(0.1) ? { outcome: -19 } : {}),
    });
  }
  modules.push({ name: 'noise_lib', depends: [] });
  const iommus = machine.devices.filter((d) => d.iommu_kind !== undefined && d.bus === 'platform');
  const clock = {
    name: 'c0000000.noise-clock',
    bus: 'platform',
    parent: null,
    ids: ['noise,clock'],
  };
  devices.push(clock);
  if (die.chance(0.5)) driver('platform', 'noise-clock', ['noise,clock'], {});
  const smmu = { name: 'c1000000.noise-iommu', bus: 'platform', parent: null, ids: iommus[0]?.ids };
  const hasOwn = kinds.includes('own IOMMU') && iommus.length > 0;
  if (hasOwn) devices.push({ ...smmu, iommu_kind: iommus[0].iommu_kind });
  for (let n = 0; n < 52 + die.below(8); n += 1) {
    const ids = [`noise,kind${die.below(drivers.length)}`];
    const name = `${hex(0xd0000000 + n * 0x10000, 8)}.noise${n}`;
    const extra = {};
    if (die.chance(0.1)) extra.suppliers = [clock.name];
    if (die.chance(0.1)) extra.dma_coherent = true;
    if (hasOwn && die.chance(0.2)) extra.iommus = [{ iommu: smmu.name, ids: [n] }];
    else if (kinds.includes('behind its IOMMU') && iommus.length > 0 && die.chance(0.15))
      extra.iommus = [{ iommu: die.of(iommus).name, ids: [0x4000 + n] }];
    devices.push({ name, bus: 'platform', parent: null, ids, ...extra });
  }
  if (kinds.includes('on its bus')) devices.push(...functions(machine, die));
  return { devices, drivers, modules };
}

/** PCI functions beside those of the bug, on its root bus, that no driver wants. */
function functions(machine, die) {
  const root = machine.devices.find((d) => d.pci !== undefined && d.name.startsWith('0000:00:'));
  if (root === undefined) return [];
  const taken = new Set(machine.devices.map(({ name }) => name.slice(0, 10)));
  return [0x15, 0x16, 0x17, 0x18, 0x19].flatMap((slot) => {
    const at = `0000:00:${hex(slot, 2)}`;
    if (taken.has(at) || die.chance(0.4)) return [];
    const pci = { vendor: 0x1af4, device: 0x1100 + slot, class: 0xff0000, header: 0 };
    const flags = {
      multifunction: false,
      pcie: 'rc-endpoint',
      acs_capable: true,
      acs_enabled: true,
    };
    const id = `pci:v00001AF4d0000${hex(0x1100 + slot, 4).toUpperCase()}sv00000000sd00000000bcFFsc00i00`;
    return [
      { name: `${at}.0`, bus: 'pci', parent: root.parent, ids: [id], pci: { ...pci, ...flags } },
    ];
  });
}

/** What somebody does to those devices meanwhile. */
function steps({ devices, drivers, modules }, kinds, die) {
  // An IOMMU that comes and goes is seldom nobody's business.
  const isPlain = ({ bus, iommu_kind }) => bus === 'platform' && iommu_kind === undefined;
  const platform = devices.filter(isPlain);
  const bus = 'platform';
  const one = () => {
    const dev = die.of(platform).name;
    const drv = die.of(drivers).name;
    const module = die.of(modules).name;
    switch (die.below(kinds.includes('rescans') ? 11 : 10)) {
      case 0:
        return { do: 'unbind', bus, drv, dev };
      case 1:
        return { do: 'bind', bus, drv, dev };
      case 2:
        return { do: 'driver_override', bus, dev, drv: die.chance(0.3) ? null : drv };
      case 3:
        return { do: 'drivers_probe', bus, dev };
      case 4:
        return { do: 'modprobe', module, params: '' };
      case 5:
        return { do: 'rmmod', module, force: false };
      case 6:
        return { do: 'note', text: `noise ${die.below(1000)}` };
      case 7:
        return { do: 'device_add', dev };
      case 8:
        return { do: 'module_param', module, param: 'debug', value: String(die.below(9)) };
      case 9:
        return { do: 'unbind', bus, drv: '', dev };
      default:
        return { do: 'rescan', dev: null };
    }
  };
  return Array.from({ length: 200 + die.below(40) }, one);
}
