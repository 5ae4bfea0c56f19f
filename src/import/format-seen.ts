/** Which lines were read before, in a few bytes each. */

/** Lines that the first page holds; each page holds twice as many as the one before, up to a bound. */
const PAGE_MIN = 1 << 8;
const PAGE_MAX = 1 << 20;
/** With them, 8 bytes a line, nothing is forgotten of the last fifteen million lines. */
const PAGES_MAX = 28;

export interface SeenLines {
  add(timeUs: number | null, text: string): void;
  /** Whether the line was added. A line that was not is mistaken for one once in a billion times. */
  has(timeUs: number | null, text: string): boolean;
  clear(): void;
}

/** A table of marks, at most half of it taken; a line's mark stands at its place or soon after. */
interface Page {
  readonly marks: Uint32Array;
  count: number;
  firstUs: number;
  lastUs: number;
}

export function createSeenLines(): SeenLines {
  let pages: Page[] = [];
  return {
    add(timeUs, text) {
      let page = pages.at(-1);
      if (page === undefined || page.count * 2 === page.marks.length) {
        page = newPage(page === undefined ? PAGE_MIN : Math.min(page.count * 2, PAGE_MAX));
        if (pages.length === PAGES_MAX) pages.shift();
        pages.push(page);
      }
      insert(page, timeUs ?? -1, text);
    },
    has(timeUs, text) {
      const time = timeUs ?? -1;
      let hashed: Hash | null = null;
      for (let i = pages.length - 1; i >= 0; i--) {
        const page = pages[i];
        if (page === undefined || time < page.firstUs || time > page.lastUs) continue;
        hashed ??= hashOf(time, text);
        const at = slotOf(page.marks, hashed);
        if (page.marks[at] === hashed.mark) return true;
      }
      return false;
    },
    clear() {
      pages = [];
    },
  };
}

function newPage(lines: number): Page {
  return { marks: new Uint32Array(lines * 2), count: 0, firstUs: Infinity, lastUs: -Infinity };
}

function insert(page: Page, timeUs: number, text: string): void {
  const hash = hashOf(timeUs, text);
  const at = slotOf(page.marks, hash);
  if (page.marks[at] === 0) page.count++;
  page.marks[at] = hash.mark;
  page.firstUs = Math.min(page.firstUs, timeUs);
  page.lastUs = Math.max(page.lastUs, timeUs);
}

interface Hash {
  readonly place: number;
  /** Not 0, which marks a free place. */
  readonly mark: number;
}

/** Two hashes of 32 bits that have nothing in common: FNV-1a, and one that multiplies and rotates. */
function hashOf(timeUs: number, text: string): Hash {
  let place = 0x811c9dc5 ^ timeUs;
  let mark = Math.imul(timeUs, 0x9e3779b1) ^ Math.imul(timeUs / 2 ** 32, 0xc2b2ae35);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    place = Math.imul(place ^ code, 0x01000193);
    mark = Math.imul((mark << 5) ^ (mark >>> 27) ^ code, 0x85ebca6b);
  }
  place ^= place >>> 15;
  return { place: place >>> 0, mark: mark >>> 0 || 1 };
}

/** Where the mark is, or the free place where it belongs. */
function slotOf(marks: Uint32Array, { place, mark }: Hash): number {
  const last = marks.length - 1;
  let at = place & last;
  while (marks[at] !== 0 && marks[at] !== mark) at = (at + 1) & last;
  return at;
}
