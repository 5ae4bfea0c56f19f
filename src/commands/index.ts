import type { Command } from '@oclif/core';
import Bisect from './bisect.ts';
import Capture from './capture.ts';
import Diff from './diff.ts';
import Explain from './explain.ts';
import Explore from './explore.ts';
import Export from './export.ts';
import Fuzz from './fuzz.ts';
import Import from './import.ts';
import List from './list.ts';
import Merge from './merge.ts';
import Minimize from './minimize.ts';
import Replay from './replay.ts';
import Run from './run.ts';
import Show from './show.ts';
import Verify from './verify.ts';
import WhatIf from './whatif.ts';

/** Every command by its name. Looked up here, not by file, so that the program starts fast. */
export const COMMANDS: Readonly<Record<string, Command.Class>> = {
  bisect: Bisect,
  capture: Capture,
  diff: Diff,
  explain: Explain,
  explore: Explore,
  export: Export,
  fuzz: Fuzz,
  import: Import,
  list: List,
  merge: Merge,
  minimize: Minimize,
  replay: Replay,
  run: Run,
  show: Show,
  verify: Verify,
  whatif: WhatIf,
};
