import { Args } from '@oclif/core';
import { BaseCommand } from './base.ts';
import { readSource } from './read-source.ts';
import { escapeControls } from './terminal.ts';

/** Says whether a source can be read, and how long it is once decompressed. */
export default class Sniff extends BaseCommand {
  static override summary = 'Read a source and print its size.';
  static override hidden = true;
  static override args = {
    source: Args.string({ required: true, description: 'a file, or - for standard input' }),
  };

  async run(): Promise<object> {
    const { args } = await this.parse(Sniff);
    const { file, bytes, compressed } = await readSource(args.source);
    this.log(`${escapeControls(file)}: ${bytes.length} bytes${compressed ? ', was gzipped' : ''}`);
    return { file, bytes: bytes.length, compressed };
  }
}
