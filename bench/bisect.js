// What a bisection costs beside one plain replay with invariants, of the same million events: the search,
// both ends looked at again, and the events that the finding goes back to. The fault is a count that
// nobody gives back, in the last hundredth of the trace.
import { causesOfViolation, claimOf, endsOf } from '../dist/bisect/claim.js';
import { firstViolation } from '../dist/bisect/first-violation.js';
import { checkEvents } from '../dist/invariants/checker.js';

/** The trace with one use of a device too many. */
function withFault({ header, events }) {
  const from = Math.floor(events.length * 0.99);
  const at = events.findIndex(({ event }, n) => n >= from && event.type === 'owner.used');
  return { header, events: [...events.slice(0, at), events[at], ...events.slice(at)] };
}

/** All that a bisection of a run needs the trace for. */
function bisected(trace) {
  const found = firstViolation(trace);
  if (found.kind !== 'found' || found.violation === null) throw new Error('nothing was found');
  const ends = endsOf(trace, found.event);
  const claim = claimOf(trace, found.violation, ends);
  if (typeof claim === 'string' || claim.breach(ends.after) === null)
    throw new Error('the end is good');
  return { found, causes: causesOfViolation(trace, found.violation, ends) };
}

function replayed({ header, events }) {
  return checkEvents(header, events);
}

const ROUNDS = 5;

/** Seconds of the best of some rounds, replay and bisection in turn: noise only ever adds. */
export function benchBisection(whole) {
  const trace = withFault(whole);
  const best = { replay: Number.POSITIVE_INFINITY, bisect: Number.POSITIVE_INFINITY };
  const timed = (name, work) => {
    const start = performance.now();
    work(trace);
    best[name] = Math.min(best[name], (performance.now() - start) / 1000);
  };
  for (let i = 0; i < ROUNDS; i += 1) {
    timed('replay', replayed);
    timed('bisect', bisected);
  }
  return best;
}
