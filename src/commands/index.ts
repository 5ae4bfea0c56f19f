import type { Command } from '@oclif/core';
import Sniff from './sniff.ts';

/** Every command by its name. Looked up here, not by file, so that the program starts fast. */
export const COMMANDS: Readonly<Record<string, Command.Class>> = {
  sniff: Sniff,
};
