/**
 * Pieces of a log that outlived a crash: each begins with a line such as `Panic#2 Part1`, and the part with
 * the lowest number is the newest.
 */

export interface PieceSorter {
  push(raw: string, fileLine: number): void;
  end(): void;
  /** Where the line that was given that number stands in the file. */
  fileLineOf(line: number): number;
}

interface Piece {
  readonly part: number;
  /** Lines with their numbers in the file. */
  readonly lines: (readonly [raw: string, fileLine: number])[];
}

const HEADER = /^([A-Z]\w{1,20}#\d{1,6}) Part(\d{1,4})\s*$/;
/** Of a longer dump the rest stays in the order of the file. */
const HELD_MAX = 1 << 24;

/**
 * Gives the pieces of each dump in the order of their time, all other lines as they come. Each line gets
 * the number of its new place: they go up.
 */
export function createPieceSorter(take: (raw: string, line: number) => void): PieceSorter {
  /** Lines that stand elsewhere than their number says. */
  const moved = new Map<number, number>();
  let dump = '';
  let pieces: Piece[] = [];
  let held = 0;
  let next = 1;
  const give = (raw: string, fileLine: number): void => {
    if (fileLine !== next) moved.set(next, fileLine);
    take(raw, next);
    next += 1;
  };
  const flush = (): void => {
    pieces.sort((a, b) => b.part - a.part);
    for (const { lines } of pieces) for (const [raw, fileLine] of lines) give(raw, fileLine);
    pieces = [];
    held = 0;
    dump = '';
  };
  return {
    push(raw, fileLine) {
      const [, name = '', part] = raw.includes('#') ? (HEADER.exec(raw) ?? []) : [];
      if (part !== undefined) {
        if (name !== dump) flush();
        dump = name;
        pieces.push({ part: Number(part), lines: [] });
      }
      if (pieces.length === 0) return give(raw, fileLine);
      pieces.at(-1)?.lines.push([raw, fileLine]);
      held += raw.length;
      if (held > HELD_MAX) flush();
    },
    end: flush,
    fileLineOf: (line) => moved.get(line) ?? line,
  };
}
