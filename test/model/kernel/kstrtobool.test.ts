import { expect, it } from 'vitest';
import { kstrtobool } from '../../../src/model/kernel/kstrtobool.ts';
import { BOOT, NIC_GROUP, runSmall } from '../small-machine.ts';

it.each([
  [['1', 'y', 'Y', 'yes', 't', 'True', 'on', 'On', 'oN'], true],
  [['0', 'n', 'N', 'no', 'f', 'False', 'of', 'off', 'OFF'], false],
  [['', '2', 'o', 'ok', 'x', ' y', null], null],
])('reads %j as %s', (words, value) => {
  expect(words.map(kstrtobool)).toEqual(words.map(() => value));
});

const lateDomain = (cmdline: string) =>
  runSmall([BOOT], {}, { cmdline }).state.groups[String(NIC_GROUP)]?.default_domain;

it.each([
  ['iommu.passthrough=Y', 'identity'],
  ['iommu.passthrough=on', 'identity'],
  ['iommu.passthrough=0', 'DMA'],
  ['iommu.passthrough=maybe', 'DMA'],
  ['iommu.passthrough', 'DMA'],
  ['iommu.strict=N', 'DMA-FQ'],
  ['iommu.strict=false', 'DMA-FQ'],
  ['iommu.strict=Yes', 'DMA'],
  ['iommu.strict=maybe', 'DMA'],
])('%s gives %s', (cmdline, domain) => {
  expect(lateDomain(cmdline)).toBe(domain);
});

it('leaves the configuration to decide where the command line says no such word', () => {
  const config = { IOMMU_DEFAULT_PASSTHROUGH: 'y' };
  const domain = (cmdline: string) =>
    runSmall([BOOT], {}, { cmdline, config }).state.groups[String(NIC_GROUP)]?.default_domain;
  expect(['iommu.passthrough=maybe', 'iommu.passthrough=N'].map(domain)).toEqual([
    'identity',
    'DMA',
  ]);
});
