/**
 * What the kernel prints. A message is an event like any other, so that a run has a dmesg.
 *
 * Kernel: include/linux/dev_printk.h, drivers/base/core.c:dev_driver_string.
 */
import type { EventOf } from '../events/event.ts';
import type { PrintkLevel } from '../events/terms.ts';
import type { Kernel } from './context.ts';
import { deviceOf } from './lookup.ts';
import type { Path } from './path.ts';

/** A line without a device. */
export function printk(level: PrintkLevel, text: string): EventOf<'printk'> {
  return { type: 'printk', level, text, dev: null };
}

/** A line about `dev`, under the name of its driver while dev->driver is set, else of its bus. */
export function dev_printk(
  k: Kernel,
  level: PrintkLevel,
  dev: string,
  text: string,
): EventOf<'printk'> {
  const device = deviceOf(k, dev);
  return { type: 'printk', level, text: `${device.driver ?? device.bus} ${dev}: ${text}`, dev };
}

/** Is pr_debug and dev_dbg of this source file switched on by `dyndbg` on the command line? */
export function dyndbg(k: Kernel, file: string): boolean {
  const query = k.cmdline('dyndbg');
  if (query === null) return false;
  return query.split(';').some((rule) => {
    const wanted = /file\s+(\S+)\s+\+p/.exec(rule)?.[1];
    if (wanted === undefined) return false;
    return wanted.endsWith('*') ? file.startsWith(wanted.slice(0, -1)) : wanted === file;
  });
}

/** What a debug line comes to where none is printed. */
const NO_LINE: Path<void> = {
  next: () => ({ done: true, value: undefined }),
  [Symbol.iterator]: () => NO_LINE,
};

function* line(printed: EventOf<'printk'>): Path<void> {
  yield printed;
}

/** A pr_debug line of `file`, when switched on. */
export function pr_debug(k: Kernel, file: string, text: string): Path<void> {
  return dyndbg(k, file) ? line(printk('debug', text)) : NO_LINE;
}

/** A dev_dbg line of `file`, when switched on. */
export function dev_dbg(k: Kernel, file: string, dev: string, text: string): Path<void> {
  return dyndbg(k, file) ? line(dev_printk(k, 'debug', dev, text)) : NO_LINE;
}

/** Is `initcall_debug` on the command line? */
export function initcall_debug(k: Kernel): boolean {
  return k.cmdline('initcall_debug') !== null;
}
