/** A kernel's .config. */
import { emptyTable, type Table } from '../events/table.ts';

const OPTION = /^CONFIG_(\w+)=(.*)$/;
const UNSET = /^# CONFIG_(\w+) is not set$/;

/**
 * The options of a .config without their prefix, strings without quotes, `n` for one that is not set.
 * Other lines say nothing.
 */
export function parseKernelConfig(text: string): Table<string> {
  const config = emptyTable<string>();
  for (const line of text.split(/\r?\n/)) {
    const unset = UNSET.exec(line)?.[1];
    if (unset !== undefined) config[unset] = 'n';
    const [, name, value = ''] = OPTION.exec(line) ?? [];
    if (name !== undefined) config[name] = /^"(.*)"$/.exec(value)?.[1] ?? value;
  }
  return config;
}
