// Modules that were there before a recording began: on most machines, nearly all.
import { describe, expect, it } from 'vitest';
import { deriveMachine, loadedModules } from '../../src/verify/machine.ts';
import { readSession } from '../../src/verify/session.ts';
import { verifySession } from '../../src/verify/verify.ts';
import { SMALL_SESSION } from './small-session.ts';

/** The small session with these lines of /proc/modules in every state. */
function sessionWith(modules: readonly string[]) {
  const texts = Object.entries(SMALL_SESSION).map(([file, bytes]): [string, Uint8Array] => {
    const text = new TextDecoder().decode(bytes).replace(/^vfio 36864 .*$/m, modules.join('\n'));
    return [file, new TextEncoder().encode(text)];
  });
  return readSession(Object.fromEntries(texts), 'small');
}

const E1000E = 'e1000e 315392 0 - Live 0x0000000000000000';
const VFIO = [
  'vfio_pci 16384 0 - Live 0x0000000000000000',
  'vfio_pci_core 86016 1 vfio_pci, Live 0x0000000000000000',
  'irqbypass 16384 1 vfio_pci_core, Live 0x0000000000000000',
  'vfio_virqfd 16384 1 vfio_pci_core, Live 0x0000000000000000',
  'vfio 45056 2 vfio_pci,vfio_pci_core, Live 0x0000000000000000',
];

describe('modules before the first action', () => {
  it('are loaded after the boot, in their order, with their drivers', () => {
    const session = sessionWith([...VFIO, E1000E]);
    expect(loadedModules(session)[0]).toBe('e1000e');
    const { drivers, boot } = deriveMachine(session).machine;
    expect(drivers.find(({ name }) => name === 'e1000e')?.module).toBe('e1000e');
    expect(boot).not.toContainEqual({ step: 'driver', bus: 'pci', drv: 'e1000e' });
    const { checks, emulation } = verifySession(session, null);
    expect(checks.module).toEqual({ ok: 30, of: 30 });
    expect(checks.driver.ok).toBe(verifySession(sessionWith([]), null).checks.driver.ok);
    const loads = emulation.run.scheduler.events.flatMap(({ event }) =>
      event.type === 'module.live' ? [event.module] : [],
    );
    expect(loads[0]).toBe('e1000e');
  });

  it('leave drivers alone that are built in under a name of a module', () => {
    const { drivers } = deriveMachine(sessionWith([])).machine;
    expect(drivers.find(({ name }) => name === 'e1000e')?.module).toBeNull();
  });
});
