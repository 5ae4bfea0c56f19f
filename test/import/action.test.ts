import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeStimulus, type Stimulus } from '../../src/events/stimulus.ts';
import { parseAction, shellCommand } from '../../src/import/action.ts';

const DEV = '0000:03:00.0';
const bind: Stimulus = { do: 'bind', bus: 'pci', drv: 'vfio-pci', dev: DEV };
const override: Stimulus = { do: 'driver_override', bus: 'pci', dev: DEV, drv: 'vfio-pci' };
const clear: Stimulus = { ...override, drv: null };
const vfio: Stimulus = {
  do: 'vfio',
  group: '7',
  dev: DEV,
  dma: false,
  nocontainer: false,
  nodevice: false,
  hold: null,
};

describe('parseAction', () => {
  const cases: readonly (readonly [string, Stimulus])[] = [
    [`echo ${DEV} > /sys/bus/pci/drivers/vfio-pci/bind`, bind],
    [`echo "${DEV}" > /sys/bus/pci/drivers/vfio-pci/bind  `, bind],
    [`echo -n '${DEV}' >/sys/bus/pci/drivers/vfio-pci/bind`, bind],
    [`sudo sh -c 'echo ${DEV} > /sys/bus/pci/drivers/vfio-pci/bind'`, bind],
    [`echo ${DEV} | sudo tee /sys/bus/pci/drivers/vfio-pci/bind > /dev/null`, bind],
    [`printf '%s' ${DEV} > /sys/bus/pci/drivers/vfio-pci/bind 2>/dev/null`, bind],
    [`echo ${DEV} > /sys/bus/pci/drivers/vfio-pci/unbind`, { ...bind, do: 'unbind' }],
    [
      'echo garbage > /sys/bus/pci/drivers_probe',
      { do: 'drivers_probe', bus: 'pci', dev: 'garbage' },
    ],
    ['echo 0 > /sys/bus/pci/drivers_autoprobe', { do: 'drivers_autoprobe', bus: 'pci', on: false }],
    [
      'echo 8086  10d3 > /sys/bus/pci/drivers/vfio-pci/new_id',
      { do: 'new_id', bus: 'pci', drv: 'vfio-pci', id: '8086 10d3' },
    ],
    [
      'echo 8086 10d3 > /sys/bus/pci/drivers/vfio-pci/remove_id',
      { do: 'remove_id', bus: 'pci', drv: 'vfio-pci', id: '8086 10d3' },
    ],
    [`echo vfio-pci > /sys/bus/pci/devices/${DEV}/driver_override`, override],
    [`echo > /sys/bus/pci/devices/${DEV}/driver_override`, clear],
    [`echo  > /sys/bus/pci/devices/${DEV}/driver_override`, clear],
    [`echo "" > /sys/bus/pci/devices/${DEV}/driver_override`, clear],
    [`echo 1 > /sys/bus/pci/devices/${DEV}/remove`, { do: 'remove', dev: DEV }],
    [`echo 1 > ./sys/devices/pci0000:00/${DEV}/remove`, { do: 'remove', dev: DEV }],
    [`echo 1 > /sys/bus/pci/devices/${DEV}/rescan`, { do: 'rescan', dev: DEV }],
    ['echo 1 > sys/bus/pci/rescan', { do: 'rescan', dev: null }],
    [
      'echo DMA-FQ > /sys/kernel/iommu_groups/7/type',
      { do: 'group_type', group: 7, value: 'DMA-FQ' },
    ],
    [
      'echo -12 > /sys/module/lab_probe/parameters/pci_ret',
      { do: 'module_param', module: 'lab_probe', param: 'pci_ret', value: '-12' },
    ],
    ['/sbin/modprobe vfio-pci', { do: 'modprobe', module: 'vfio_pci', params: '' }],
    [
      'modprobe vfio-pci ids=8086:10d3',
      { do: 'modprobe', module: 'vfio_pci', params: 'ids=8086:10d3' },
    ],
    ['modprobe -r vfio-pci', { do: 'rmmod', module: 'vfio_pci', force: false }],
    [
      'insmod /lib/modules/lab_probe.ko async_probe=1 delay_ms=5',
      { do: 'insmod', module: 'lab_probe', params: 'async_probe=1 delay_ms=5' },
    ],
    ['rmmod arm_smmu_v3', { do: 'rmmod', module: 'arm_smmu_v3', force: false }],
    ['rmmod -f arm_smmu_v3', { do: 'rmmod', module: 'arm_smmu_v3', force: true }],
    [`lab vfio 7 ${DEV}`, vfio],
    [
      `lab vfio 7 ${DEV} dma hold=/tmp/h1`,
      {
        ...{ ...vfio, dma: true, hold: '/tmp/h1' },
        maps: [
          { iova: 0x100000, size: 0x10000 },
          { iova: 0x8000000, size: 0x10000 },
        ],
      },
    ],
    [`lab vfio 7 ${DEV} nocontainer`, { ...vfio, nocontainer: true }],
    [`lab vfio noiommu-0 ${DEV} nodevice`, { ...vfio, group: 'noiommu-0', nodevice: true }],
    ['touch /tmp/h1', { do: 'vfio_release', hold: '/tmp/h1' }],
    ['echo 1 > /sys/class/pci_bus/0000:01/rescan', { do: 'rescan', dev: '0000:01' }],
    ['echo 0 > /sys/bus/pci/slots/2/power', { do: 'slot_power', slot: '2', on: false }],
    ['reboot -f', { do: 'shutdown', how: 'reboot' }],
    ['/sbin/poweroff', { do: 'shutdown', how: 'poweroff' }],
    ['uptime', { do: 'note', text: 'uptime' }],
    [
      'cat /sys/kernel/debug/devices_deferred',
      { do: 'note', text: 'cat /sys/kernel/debug/devices_deferred' },
    ],
    ['echo 0 > /sys/bus/pci/rescan', { do: 'note', text: 'echo 0 > /sys/bus/pci/rescan' }],
    ['for i in 1 2; do rmmod x; done', { do: 'note', text: 'for i in 1 2; do rmmod x; done' }],
    ['', { do: 'note', text: '' }],
  ];
  it.each(cases)('%s', (command, stimulus) => {
    expect(parseAction(command)).toEqual(stimulus);
  });

  it('understands what describeStimulus writes', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_.:-]{0,12}$/);
    const write = fc.record({
      do: fc.constantFrom('bind' as const, 'unbind' as const),
      bus: name,
      drv: name,
      dev: name,
    });
    fc.assert(
      fc.property(write, (stimulus) => {
        expect(parseAction(describeStimulus(stimulus))).toEqual(stimulus);
      }),
    );
  });

  it('takes any text', () => {
    const pieces = fc.constantFrom(
      'echo',
      ' ',
      '>',
      '|',
      '&',
      "'",
      '"',
      '\\',
      '/sys/bus/pci/rescan',
      '2',
      '#',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((parts) => parts.join('')),
        ),
        (text) => {
          expect(parseAction(text).do).toBeTypeOf('string');
        },
      ),
    );
  });
});

describe('shellCommand', () => {
  it.each([
    ['# modprobe vfio-pci', 'modprobe vfio-pci'],
    ['$ modprobe vfio-pci', 'modprobe vfio-pci'],
    ['~ # rmmod vfio_pci', 'rmmod vfio_pci'],
    ['root@(none)$  echo 1 > /sys/bus/pci/rescan', 'echo 1 > /sys/bus/pci/rescan'],
    ['[root@host ~]# rmmod vfio_pci', 'rmmod vfio_pci'],
    ['# a comment', null],
    ['modprobe vfio-pci', null],
  ])('%s', (line, command) => {
    expect(shellCommand(line)).toBe(command);
  });
});
