import { describe, expect, it } from 'vitest';
import { findingOf, spreadOf } from '../../../src/report/export/finding.ts';
import { mailText } from '../../../src/report/export/mail.ts';
import { ASSIGN_NIC, LEAKY, smallMachine } from '../../model/small-machine.ts';

const inputs = { kernel: LEAKY, machine: smallMachine(), stimuli: ASSIGN_NIC, choices: [] };
const finding = findingOf('leak', '', inputs);
const { violation } = finding;
if (violation === null) throw new Error('there is a leak');
const mail = mailText(finding, violation, spreadOf(finding, violation));

describe('mailText', () => {
  it('says what, where and in which step', () => {
    expect(mail).toMatch(/^Subject: \[BUG\] driver core: 0000:01:00\.0 has no driver but still/);
    expect(mail).toContain('\nStep 1, boot:\n  0000:01:00.0: device_unbind_cleanup\n');
    expect(mail).toMatch(/\n +really_probe\n +test_remove\n/);
    expect(mail).toMatch(/\n {2}1\. boot\n {5}-> from here on it is broken\n {2}2\. modprobe/);
    expect(mail).toMatch(/-> VFIO_GROUP_SET_CONTAINER = -EPERM \(Operation not permitted\)\n/);
  });

  it('says which releases have it, down to the stable ones before the fix', () => {
    expect(mail).toMatch(/^bad: 5\.19, 6\.1\.y before 6\.1\.53, 6\.4\.y before 6\.4\.16, /m);
    expect(mail).toMatch(/^good: .*6\.12, 7\.2$/m);
  });

  it('names the fix, what helps besides, and since when it is possible', () => {
    expect(mail).toContain(
      '\nf429378a9bf8 ("driver core: Call dma_cleanup() on the test_remove path")\n  in 6.6, stable',
    );
    expect(mail).toContain('CONFIG_DEBUG_TEST_DRIVER_REMOVE=n instead of y');
    expect(mail).toMatch(/^Possible since [0-9a-f]{12} \("/m);
  });

  it('says so where no fix is known, or no release has it', () => {
    const none = { kernels: [], before: [], changes: { reproduced: true, remedies: [] } };
    const text = mailText(finding, violation, none);
    expect(text).toContain('\nNone known.\n');
    expect(text).toContain('\nNone as shipped: ');
  });
});
