// Scenarios of which it is known what decides that they go wrong.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runAll } from '../../src/engine/run.ts';
import { subjectOf } from '../../src/explain/assumption.ts';
import { troublesOf } from '../../src/explain/troubles.ts';
import { driverKnowledge } from '../../src/scenario/known-drivers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

function troubles(name: string) {
  const file = `scenarios/${name}.yaml`;
  const text = readFileSync(file, 'utf8');
  const { machine, kernel, steps, choices } = parseScenario(text, file, driverKnowledge);
  return troublesOf(runAll({ machine, kernel }, steps, { choices }).trace());
}

it('a card that VFIO refuses: the SMMU is not called coherent', () => {
  const found = troubles('vfio-refuses-a-coherent-nic');
  const refused = found.find(({ recorded: { event } }) => event.type === 'driver.probed');
  expect(refused?.recorded.event).toMatchObject({ drv: 'vfio-pci', ret: -22 });
  expect(refused?.decidedBy.map(subjectOf)).toContain('patch vfio_requires_coherency');
});

it('a leaked owner_cnt: the fix comes before what merely brought the count', () => {
  const found = troubles('test-remove-leaves-owner_cnt');
  const leak = found.find(({ violation }) => violation?.includes('owner_cnt') === true);
  const names = leak?.decidedBy.map(subjectOf) ?? [];
  expect(names.slice(0, 2).sort()).toEqual([
    'config DEBUG_TEST_DRIVER_REMOVE',
    'patch test_remove_dma_cleanup',
  ]);
  expect(names).toContain('patch bus_dma_ownership');
});

it('none where all is well, and no run is made for it', () => {
  expect(troubles('test-remove-gives-owner_cnt-back')).toEqual([]);
});
