import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeStimulus, type Stimulus } from '../../src/events/stimulus.ts';
import { stimuliOf, stimulusOf } from '../../src/verify/stimuli.ts';

const BDF = '0000:01:00.0';

it.each<[string, Stimulus]>([
  ['/sbin/modprobe vfio-pci ids=1:2', { do: 'modprobe', module: 'vfio_pci', params: 'ids=1:2' }],
  ['insmod /lib/modules/lab_probe.ko a=1', { do: 'insmod', module: 'lab_probe', params: 'a=1' }],
  ['rmmod -f vfio', { do: 'rmmod', module: 'vfio', force: true }],
  ['modprobe -r vfio-pci', { do: 'rmmod', module: 'vfio_pci', force: false }],
  [
    `echo ${BDF} > /sys/bus/pci/drivers/vfio-pci/bind`,
    { do: 'bind', bus: 'pci', drv: 'vfio-pci', dev: BDF },
  ],
  [
    'echo 8086 10d3 > /sys/bus/pci/drivers/vfio-pci/new_id',
    { do: 'new_id', bus: 'pci', drv: 'vfio-pci', id: '8086 10d3' },
  ],
  [
    `echo > /sys/bus/pci/devices/${BDF}/driver_override`,
    { do: 'driver_override', bus: 'pci', dev: BDF, drv: null },
  ],
  [
    `echo  > /sys/bus/pci/devices/${BDF}/driver_override`,
    { do: 'driver_override', bus: 'pci', dev: BDF, drv: null },
  ],
  ['echo 1 > /sys/bus/pci/rescan', { do: 'rescan', dev: null }],
  [`echo 1 > /sys/bus/pci/devices/${BDF}/remove`, { do: 'remove', dev: BDF }],
  [
    'echo identity > /sys/kernel/iommu_groups/3/type',
    { do: 'group_type', group: 3, value: 'identity' },
  ],
  [
    'echo -22 > /sys/module/lab_probe/parameters/pci_ret',
    { do: 'module_param', module: 'lab_probe', param: 'pci_ret', value: '-22' },
  ],
  [`lab vfio  ${BDF} dma`, vfio(BDF, 'dma')],
  ['cat /proc/modules', { do: 'note', text: 'cat /proc/modules' }],
  ['touch /tmp/x', { do: 'note', text: 'touch /tmp/x' }],
])('%s', (command, stimulus) => {
  expect(stimulusOf(command)).toEqual(stimulus);
});

function vfio(group: string, dev: string): Stimulus {
  const options = { dma: false, nocontainer: false, nodevice: false, hold: null };
  return { do: 'vfio', group, dev, ...options };
}

it('takes a touched file for a release when a VFIO user waits for it', () => {
  const action = {
    uptimeUs: 0,
    background: false,
    rc: 0,
    errno: null,
    stdout: [],
    stderr: [],
    snapshots: [],
    finishedAfter: null,
    vfio: null,
  };
  const commands = [`lab vfio 1 ${BDF} dma hold=/tmp/s1`, 'touch /tmp/s2', 'touch /tmp/s1'];
  const stimuli = stimuliOf(commands.map((command, i) => ({ ...action, command, n: i + 1 })));
  expect(stimuli.map(({ stimulus }) => stimulus.do)).toEqual(['vfio', 'note', 'vfio_release']);
});

it('reads what it would print', () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9:._-]{0,8}$/);
  const written = fc.oneof(
    fc.record({ do: fc.constantFrom('bind', 'unbind'), bus: name, drv: name, dev: name }),
    fc.record({ do: fc.constant('drivers_probe'), bus: name, dev: name }),
    fc.record({ do: fc.constant('driver_override'), bus: name, dev: name, drv: name }),
    fc.record({ do: fc.constant('group_type'), group: fc.nat(999), value: name }),
  );
  fc.assert(
    fc.property(written, (stimulus) => {
      // The generator makes members of the union by construction.
      expect(stimulusOf(describeStimulus(stimulus as Stimulus))).toEqual(stimulus);
    }),
  );
});

it('reads any command', () => {
  fc.assert(fc.property(fc.string(), (command) => stimulusOf(command).do.length > 0));
});
