import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceSpec } from '../../../src/events/machine.ts';
import type { Stimulus } from '../../../src/events/stimulus.ts';
import { printAction } from '../../../src/import/action-print.ts';
import { findingOf } from '../../../src/report/export/finding.ts';
import { GUARD_END } from '../../../src/report/export/guard.ts';
import { type Qemu, qemuOf } from '../../../src/report/export/qemu.ts';
import { shellScript } from '../../../src/report/export/shell.ts';
import { VFIO_FUNCTIONS } from '../../../src/report/export/vfio-program.ts';
import { oneLine, wrapped } from '../../../src/report/export/wrap.ts';
import { ASSIGN_NIC, BOOT, kernel, LEAKY, NIC, smallMachine } from '../../model/small-machine.ts';

const leaky = { kernel: LEAKY, machine: smallMachine(), stimuli: ASSIGN_NIC, choices: [] };
const script = shellScript(findingOf('leak', 'It leaks', leaky));

/** Runs a script where `uname -r` prints a release and a reboot says so. */
function dryRun(text: string, release: string) {
  const dir = mkdtempSync(join(tmpdir(), 'reprobe-dry-'));
  const program = (name: string, body: string) =>
    writeFileSync(join(dir, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  program('uname', `echo ${release}`);
  program('reboot', 'echo rebooted');
  writeFileSync(join(dir, 'x.sh'), text);
  const env = { PATH: `${dir}:${process.env['PATH']}` };
  const ran = spawnSync('sh', [join(dir, 'x.sh')], { env, encoding: 'utf8' });
  rmSync(dir, { recursive: true });
  return ran;
}

describe('shellScript', () => {
  it('says what is broken, what kernel it takes, and which step does it', () => {
    expect(script).toContain('# leak\n# It leaks\n#\n');
    expect(script).toMatch(/^# 0000:01:00\.0 has no driver but still counts 1 in owner_cnt/m);
    expect(script).toMatch(/^# {3}without f429378a9bf8 \("driver core: Call dma_cleanup\(\)/m);
    expect(script).toMatch(/^# {3}CONFIG_DEBUG_TEST_DRIVER_REMOVE=y$/m);
    expect(script).toMatch(/^# 1\. Boot that kernel\.$/m);
    expect(script).toMatch(/dmesg: e1000e 0000:01:00\.0: Adding to iommu group 1$/m);
    expect(script.indexOf('! From here on')).toBeLessThan(script.indexOf('# 2.'));
  });

  it('names the options of drivers, and of those modules that are loaded', () => {
    const modules = [...leaky.machine.modules, { name: 'nvme', depends: [] }];
    const inputs = { ...leaky, machine: { ...leaky.machine, modules } };
    const text = shellScript(findingOf('leak', '', inputs)).replace(/\n# +/g, ' ');
    expect(text).toMatch(/built in: .*\be1000e \(CONFIG_E1000E=y\)/);
    expect(text).toMatch(/built in: .*\bpcieport \(CONFIG_PCIEPORTBUS=y\)/);
    expect(text).toMatch(/modules: .*\bvfio_pci \(CONFIG_VFIO_PCI=m\)/);
    expect(text).not.toContain('nvme');
  });

  it('tells what each call of a user of VFIO returns', () => {
    expect(script).toMatch(
      /^# 6\.\nlab vfio 1 0000:01:00\.0 map=0x100000\+0x10000\n# {3}-> open \/dev\/vfio\/1 = 0\n/m,
    );
    expect(script).toMatch(/-> VFIO_GROUP_SET_CONTAINER = -EPERM \(Operation not permitted\)$/m);
    expect(script).toMatch(/^# How to see it:\n# {3}owner_cnt is in no file: /m);
  });

  it('has no program where nobody uses VFIO', () => {
    const inputs = { ...leaky, stimuli: [BOOT] };
    expect(shellScript(findingOf('boot', '', inputs))).not.toContain('lab.py');
  });

  it('runs a user that holds its files beside the rest, and waits for it', () => {
    const use = { do: 'vfio', group: '1', dev: NIC, dma: false, nocontainer: true } as const;
    const stimuli = [
      ...[BOOT, { ...use, nodevice: false, hold: 'vm' }],
      { do: 'vfio_release', hold: 'vm' } as const,
    ];
    const text = shellScript(findingOf('held', '', { ...leaky, stimuli }));
    expect(text).toContain(`\nlab vfio 1 ${NIC} nocontainer hold=vm &\nheld vm\n`);
    expect(text).toContain('\ntouch vm\ngone vm\n');
  });

  it('lets no name end a comment or a command, whatever it holds', () => {
    const evil = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
    const hard = fc.constantFrom(
      '\nreboot\n',
      "'; reboot; '",
      '$(reboot)',
      '`reboot`',
      '\r\nx',
      '"',
    );
    const property = fc.property(fc.oneof(evil, hard), (name) => {
      const stimuli = [
        ...[BOOT, { do: 'vfio_release', hold: name } as const],
        ...[{ do: 'bind', bus: 'pci', drv: name, dev: name } as const],
        ...[{ do: 'note', text: name } as const],
      ];
      const cmdline = name;
      const inputs = { ...leaky, kernel: kernel({ cmdline, release: name }), stimuli };
      const text = shellScript(findingOf(name, name, inputs));
      const known = new Set([...stimuli.map(printAction), ...VFIO_FUNCTIONS, 'set -u', '']);
      const at = text.indexOf(GUARD_END);
      const body = at < 0 ? text : text.slice(at + GUARD_END.length);
      const left = body
        .split(/[\n\r\u2028\u2029]/)
        .filter((line) => !line.startsWith('#') && !known.has(line) && !line.startsWith('gone '));
      expect(left).toEqual([]);
      execFileSync('sh', ['-n'], { input: text, stdio: 'pipe' });
      expect(dryRun(text, '6.1.20').stdout).not.toContain('rebooted');
    });
    fc.assert(property, { numRuns: 40 });
  });

  it('does nothing but look and tell, unless it is told to go', () => {
    const modprobe = { do: 'modprobe', module: 'vfio-pci', params: '' } as const;
    const inputs = { ...leaky, kernel: kernel(), stimuli: [BOOT, modprobe] };
    const text = shellScript(findingOf('load', '', inputs));
    const { status, stdout } = dryRun(text, '6.1.20-lab');
    expect(stdout).toMatch(/^This would, on this machine:\n {2}2\. modprobe vfio-pci\nNothing was/);
    expect(status).toBe(0);
    for (const release of ['6.12.1', '5.4.0', '16.1.0'])
      expect(dryRun(text, release)).toMatchObject({
        ...{ status: 1, stdout: '' },
        stderr: expect.stringContaining(`it is about Linux 6.1, and this is ${release}`),
      });
  });

  it('looks for what its commands write to, as far as it was there before them', () => {
    const config = { VFIO_PLATFORM_BASE: 'y', DEBUG_TEST_DRIVER_REMOVE: 'y' };
    const inputs = { ...leaky, kernel: kernel({ config }) };
    const text = shellScript(findingOf('leak', '', inputs));
    expect(text).toContain(
      `\nhere /sys/bus/pci/devices/${NIC}\nhere /sys/bus/pci/drivers/e1000e\n`,
    );
    expect(text).not.toContain('here /sys/bus/pci/drivers/vfio-pci');
    expect(text).toContain('\noption DEBUG_TEST_DRIVER_REMOVE y\n');
    const there = {
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('there is no /sys/bus'),
    };
    expect(dryRun(text.replace(/^option .*$/m, ''), '6.1.1')).toMatchObject(there);
  });

  it.each([
    { do: 'unbind', bus: 'pci', drv: 'e1000e', dev: '../../../../etc/passwd' },
    { do: 'remove', dev: '..' },
    { do: 'modprobe', module: '-C/tmp/x', params: '' },
    { do: 'modprobe', module: 'vfio', params: '-C /tmp/x' },
    { do: 'module_param', module: 'vfio', param: '../../x', value: '1' },
    { do: 'vfio_release', hold: '/etc/motd' },
  ] satisfies Stimulus[])('types no name that leads elsewhere: %j', (stimulus) => {
    const text = shellScript(findingOf('evil', '', { ...leaky, stimuli: [BOOT, stimulus] }));
    const lines = text.split('\n').filter((line) => !line.startsWith('#') && line !== '');
    expect(lines.filter((line) => !(VFIO_FUNCTIONS as string[]).includes(line))).toEqual([
      'set -u',
    ]);
  });
});

/** The user of VFIO, written where a test can run it. */
function program(): string {
  const start = VFIO_FUNCTIONS.indexOf("cat > lab.py <<'PROGRAM'");
  return VFIO_FUNCTIONS.slice(start + 1, -1).join('\n');
}

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(!hasPython)('the user of VFIO (skipped without python3)', () => {
  it('says which file does not open, and gives up', () => {
    const dir = mkdtempSync(join(tmpdir(), 'reprobe-lab-'));
    const path = join(dir, 'lab.py');
    writeFileSync(path, program());
    const { status, stdout } = spawnSync('python3', [path, 'vfio', 'no-such-group', '0:0']);
    rmSync(dir, { recursive: true });
    expect(stdout.toString()).toBe(
      'open /dev/vfio/no-such-group = -1 errno=2 (No such file or directory)\n',
    );
    expect(status).toBe(2);
  });
});

describe('qemuOf', () => {
  const machine = smallMachine();
  const options = (qemu: Qemu) =>
    qemu.kind === 'line' ? qemu.options.map(([, value]) => value) : [];

  it('puts functions below their ports', () => {
    const values = options(qemuOf(machine, kernel({ cmdline: 'quiet' })));
    expect(values).toEqual(
      expect.arrayContaining([
        'virt,iommu=smmuv3,gic-version=3',
        'pcie-root-port,id=br1,chassis=1,slot=1,bus=pcie.0,addr=0x1',
        'e1000e,romfile=,bus=br1,addr=0x0',
        'console=ttyAMA0 quiet',
      ]),
    );
  });

  it('switches ACS off where a port has none', () => {
    const values = options(qemuOf(smallMachine({ acs: false }), kernel()));
    expect(values.some((value) => value.endsWith('disable-acs=on,bus=pcie.0,addr=0x1'))).toBe(true);
  });

  it('names what QEMU has not, and machines that it has not at all', () => {
    const led: DeviceSpec = { name: 'leds', bus: 'platform', parent: null, ids: ['gpio-leds'] };
    const more = { ...machine, devices: [...machine.devices, led] };
    expect(qemuOf(more, kernel())).toMatchObject({ lacks: ['leds'] });
    const [smmu] = machine.devices;
    if (smmu === undefined) throw new Error('there is an SMMU');
    const old = { ...machine, devices: [{ ...smmu, iommu_kind: 'arm-smmu' as const }] };
    expect(qemuOf(old, kernel())).toMatchObject({ kind: 'none' });
    const two = { ...machine, devices: [smmu, { ...smmu, name: 'other' }] };
    expect(qemuOf(two, kernel())).toMatchObject({ kind: 'none' });
  });

  it('tells a kernel of x86 to use its IOMMU, once', () => {
    const iommu: DeviceSpec = {
      ...{ name: 'dmar0', bus: '', parent: null, ids: [], iommu_kind: 'intel' },
    };
    const x86 = { ...machine, devices: [iommu] };
    expect(options(qemuOf(x86, kernel())).at(-1)).toBe('console=ttyS0 intel_iommu=on');
    const said = kernel({ cmdline: 'intel_iommu=on,sm_on' });
    expect(options(qemuOf(x86, said)).at(-1)).toBe('console=ttyS0 intel_iommu=on,sm_on');
  });
});

describe('wrapped', () => {
  it('keeps all words in their order, and lines short where words are', () => {
    const property = fc.property(fc.string({ maxLength: 300 }), (text) => {
      const lines = wrapped(oneLine(text), 40, '# ', '#   ');
      const said = lines.map((line, i) => line.slice(i === 0 ? 2 : 4)).join(' ');
      expect(said).toBe(oneLine(text).split(/\s+/).join(' ').trim());
      for (const line of lines)
        expect(line.length <= 40 || !/ \S+ /.test(line.slice(3))).toBe(true);
    });
    fc.assert(property);
  });
});
