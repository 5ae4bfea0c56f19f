/** Inputs drawn per second of one core: invented ones, and orders of a machine of 32 devices. */
import { ANY_RELEASE } from '../dist/fuzz/any-kernel.js';
import { createDraw, sizeOfRun } from '../dist/fuzz/draw.js';

const SECONDS = 2;

const sizeOf = ({ machine }) => machine.devices.length;

/** The first drawn inputs with a machine of so many devices. */
function machineOf(devices) {
  const draw = createDraw({ from: null, kernel: ANY_RELEASE });
  for (let seed = 0; ; seed += 1) {
    const inputs = draw(seed, 10);
    if (sizeOf(inputs) === devices) return inputs;
  }
}

/** Draws per second of processor time. */
function rate(draw) {
  for (let seed = 0; seed < 2000; seed += 1) draw(seed);
  const start = process.cpuUsage();
  for (let n = 0; ; n += 1) {
    draw(n);
    const { user, system } = process.cpuUsage(start);
    if (n % 100 === 0 && user + system > SECONDS * 1e6) return ((n + 1) * 1e6) / (user + system);
  }
}

/** Rates of both. */
export function measureGeneration() {
  const invent = createDraw({ from: null, kernel: ANY_RELEASE });
  const orders = createDraw({ from: machineOf(32), kernel: ANY_RELEASE });
  return {
    invented: Math.round(rate((n) => invent(n, sizeOfRun(n)))),
    orders: Math.round(rate((n) => orders(n, 5))),
  };
}
