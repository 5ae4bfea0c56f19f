// Tests the names under which a session on the same machine is looked for.
import { describe, expect, it } from 'vitest';
import { machineOfCmdline, twinNames } from '../../src/verify/twin.ts';

describe('twinNames', () => {
  it('asks for the same session with its debug output the other way round first', () => {
    expect(twinNames('s02-bs61-ownercnt-verbose')[0]).toBe('s02-bs61-ownercnt-plain');
    expect(twinNames('r7-plain')).toEqual(['r7-verbose']);
  });

  it('goes on with other kernels, those of the same release and firmware before the rest', () => {
    const names = twinNames('s06-bsa61-acpi-ownercnt-verbose');
    const at = (name: string) => names.indexOf(name);
    expect(at('s06-ca61-acpi-ownercnt-plain')).toBeGreaterThan(0);
    expect(at('s06-ca61-acpi-ownercnt-plain')).toBeLessThan(at('s06-c61-acpi-ownercnt-plain'));
    expect(at('s06-c61-acpi-ownercnt-plain')).toBeLessThan(at('s06-ca612-acpi-ownercnt-plain'));
  });

  it('never mixes kernels of a distribution with others', () => {
    expect(twinNames('s01-stock61-vfio-plain')).not.toContain('s01-c61-vfio-plain');
    expect(twinNames('s01-c61-vfio-plain')).not.toContain('s01-stock61-vfio-plain');
    expect(twinNames('s01-stock61-vfio-plain')).toContain('s01-stock612-vfio-plain');
  });

  it('names nothing for a session of another form, and never the session itself', () => {
    expect(twinNames('r7-stock612-viommu')).toEqual([]);
    expect(twinNames('s02-c61-ownercnt-plain')).not.toContain('s02-c61-ownercnt-plain');
  });
});

describe('machineOfCmdline', () => {
  const qemu = (device: string, append: string) =>
    [
      '# QEMU 7.2',
      'qemu-system-aarch64 \\',
      '  -device \\',
      `  ${device} \\`,
      '  -append \\',
      `  '${append}'`,
    ].join('\n');

  it('is the same where only what the kernel is told differs', () => {
    expect(machineOfCmdline(qemu('nvme', 'quiet'))).toBe(machineOfCmdline(qemu('nvme', 'debug')));
    expect(machineOfCmdline(qemu('nvme', 'quiet'))).not.toBe(
      machineOfCmdline(qemu('e1000', 'quiet')),
    );
  });

  it('is none where no emulator is named', () => {
    expect(machineOfCmdline('')).toBeNull();
    expect(machineOfCmdline('# a real machine\n-append\n')).toBeNull();
  });
});
