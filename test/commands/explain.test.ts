import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXIT } from '../../src/commands/exit.ts';
import { document, file, nothing, reprobe } from './program.ts';

const LOG = 'examples/groups-by-probe-order.dmesg.txt';

it('says that a log is consistent, and what decides what went wrong in it', async () => {
  const { status, stdout, stderr } = await reprobe('explain', LOG);
  expect({ status, stderr }).toEqual({ status: EXIT.holds, stderr: '' });
  expect(stdout).toMatch(/^consistent: what was seen is what 6\.1\.192-lab does$/m);
  expect(stdout).toMatch(/^ {6}not so with fw_parse_at_add/m);
}, 60_000);

it('does not doubt what flags say', async () => {
  const { json } = await document('explain', LOG, '--patch', 'fw_parse_at_add');
  expect(json).toMatchObject({ consistent: false });
  expect(JSON.stringify(json)).not.toContain('"name":"fw_parse_at_add","on":false');
}, 60_000);

it('cannot tell where nothing explains the log', async () => {
  const impossible = '[    9.000000] e1000e 0000:01:00.0: Adding to iommu group 77\n';
  const path = file('impossible.txt', readFileSync(LOG, 'utf8') + impossible);
  const { status, stdout } = await reprobe('explain', path);
  expect(status).toBe(EXIT.inconclusive);
  expect(stdout).toMatch(/^3 observations disagree with 6\.1\.192-lab$/m);
  expect(stdout).toMatch(/^no hypothesis/m);
}, 60_000);

it('refuses what says nothing', async () => {
  const { status, stderr } = await reprobe('explain', nothing);
  expect(status).toBe(EXIT.inconclusive);
  expect(stderr).toMatch(/Nothing in this log is about devices or drivers/);
});
