import { readFile } from 'node:fs/promises';
import { Flags } from '@oclif/core';
import { BaseCommand } from './base.ts';

/** The script as it lies in the package. */
const SCRIPT = new URL('../../bin/capture.sh', import.meta.url);

/** Prints the script that records a session; the script itself needs nothing of reprobe. */
export default class Capture extends BaseCommand {
  static override summary = 'Print a shell script that records a session on a machine of yours.';
  static override description =
    'Copy the script to the machine and run it there as root, with the commands to record: ' +
    'sh capture.sh OUT -- COMMAND... It needs a POSIX shell and no more tools than busybox has, and ' +
    'changes nothing but what the commands do and marks in the kernel log; what it could not record ' +
    'it says at the end. `reprobe verify OUT` compares what it recorded with the emulator. Its flags ' +
    'stand at the top of the script.';
  static override flags = {
    script: Flags.boolean({ required: true, description: 'print the script on standard output' }),
  };
  static override examples = [
    '<%= config.bin %> capture --script > capture.sh',
    "sh capture.sh out -- 'echo 0000:01:00.0 > /sys/bus/pci/drivers/e1000e/unbind'",
    '<%= config.bin %> verify out',
  ];

  async run(): Promise<{ readonly script: string }> {
    await this.parse(Capture);
    const script = await readFile(SCRIPT, 'utf8');
    if (!this.jsonEnabled()) process.stdout.write(script);
    return { script };
  }
}
