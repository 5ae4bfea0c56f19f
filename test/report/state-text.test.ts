import { describe, expect, it } from 'vitest';
import { foldAll } from '../../src/engine/history.ts';
import { lookUp } from '../../src/report/state-path.ts';
import { deviceTable, valueText } from '../../src/report/state-text.ts';
import { leakyTrace, NIC } from '../model/small-machine.ts';

const state = foldAll(leakyTrace().events);

function textAt(path: string): string {
  const found = lookUp(state, path);
  return found.found ? valueText(found.value, found.keys) : 'not found';
}

describe('valueText', () => {
  it('has the ids of hardware in hexadecimal, wherever it begins', () => {
    expect(textAt(`devices.${NIC}`)).toContain('"vendor": "0x8086"');
    expect(textAt(`devices.${NIC}.spec.pci`)).toContain('"class": "0x20000"');
    expect(textAt(`devices.${NIC}.spec.pci.device`)).toBe('"0x10d3"');
    expect(textAt(`devices.${NIC}.fwspec.ids`)).toBe('[\n  "0x100"\n]');
    expect(textAt(`devices.${NIC}.fwspec.ids.0`)).toBe('"0x100"');
  });

  it('leaves other numbers, names and what is absent', () => {
    expect(textAt('groups.1.owner_cnt')).toBe('1');
    expect(textAt(`devices.${NIC}.driver`)).toBe('"vfio-pci"');
    expect(JSON.parse(textAt(`devices.${NIC}.spec.ids`))).toEqual(state.devices[NIC]?.spec.ids);
    expect(valueText(undefined, [])).toBe('absent');
  });
});

describe('deviceTable', () => {
  it('has a row for each device, with driver and group', () => {
    const [head, ...rows] = deviceTable(state).map(({ text }) => text);
    expect(head).toMatch(/^device +bus +driver +group$/);
    expect(rows).toHaveLength(Object.keys(state.devices).length);
    expect(rows.find((row) => row.startsWith(NIC))).toMatch(/ pci +vfio-pci +1$/);
  });

  it('says when there is none', () => {
    expect(deviceTable(foldAll([]))).toMatchObject([{ text: 'no devices' }]);
  });
});
