/**
 * Regular expressions whose steps can be counted: a backtracking matcher as engines have it, for the
 * syntax that the importer uses. Time on a busy machine says nothing; the number of steps does.
 */

type Node =
  | { readonly type: 'one'; readonly test: (sign: string) => boolean; readonly sample: string }
  | { readonly type: 'all'; readonly parts: readonly Node[] }
  | { readonly type: 'any'; readonly ways: readonly Node[] }
  | { readonly type: 'repeat'; readonly of: Node; readonly min: number; readonly max: number }
  | { readonly type: 'assert'; readonly holds: (text: string, at: number) => boolean }
  | { readonly type: 'ahead'; readonly of: Node; readonly wanted: boolean };

export interface Expression {
  readonly tree: Node;
  readonly anchored: boolean;
}

/** Reads the source of an expression. What is looked for behind a place is left to the engine. */
export function parseExpression(source: string, flags: string): Expression {
  let at = 0;
  const peek = (text: string): boolean => source.startsWith(text, at);
  const oneOf = (piece: string): Node => {
    const own = new RegExp(`^${piece}$`, flags.replace(/[gyd]/g, ''));
    const sample = [piece.slice(-1), ...SAMPLES].find((sign) => own.test(sign)) ?? 'a';
    return { type: 'one', test: (sign) => own.test(sign), sample };
  };
  const closing = (): number => {
    let depth = 0;
    for (let i = at; i < source.length; i += 1) {
      if (source[i] === '\\') i += 1;
      else if (source[i] === '[') i = endOfClass(source, i);
      else if (source[i] === '(') depth += 1;
      else if (source[i] === ')') {
        depth -= 1;
        if (depth === 0) return i;
      }
    }
    throw new Error(`no end of a group in ${source}`);
  };
  const group = (): Node => {
    if (peek('(?<=') || peek('(?<!')) {
      const end = closing();
      const own = new RegExp(`${source.slice(at, end + 1)}`, `${flags.replace(/[gyd]/g, '')}y`);
      at = end + 1;
      const holds = (text: string, place: number): boolean => {
        own.lastIndex = place;
        return own.test(text);
      };
      return { type: 'assert', holds };
    }
    const [head = '('] = /^\((?:\?(?::|=|!|<\w+>))?/.exec(source.slice(at)) ?? [];
    at += head.length;
    const inner = alternatives();
    at += 1;
    if (head === '(?=' || head === '(?!')
      return { type: 'ahead', of: inner, wanted: head === '(?=' };
    return inner;
  };
  const atom = (): Node => {
    const sign = source[at] ?? '';
    if (sign === '(') return group();
    if (sign === '^' || sign === '$' || peek('\\b') || peek('\\B')) {
      const piece = sign === '\\' ? source.slice(at, at + 2) : sign;
      const own = new RegExp(piece, `${flags.replace(/[gyd]/g, '')}y`);
      at += piece.length;
      const holds = (text: string, place: number): boolean => {
        own.lastIndex = place;
        return own.test(text);
      };
      return { type: 'assert', holds };
    }
    if (sign === '[') {
      const end = endOfClass(source, at);
      const piece = source.slice(at, end + 1);
      at = end + 1;
      return oneOf(piece);
    }
    const [piece = sign] =
      /^\\(?:[pP]\{\w+\}|u[0-9a-f]{4}|x[0-9a-f]{2}|.)/i.exec(source.slice(at)) ?? [];
    at += piece.length;
    // What a group found is a few signs long: any of them stands for it.
    return oneOf(/^\\[1-9]$/.test(piece) ? '[:-]' : piece);
  };
  const sequence = (): Node => {
    const parts: Node[] = [];
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      const of = atom();
      const [found, least, most] =
        /^(?:\*|\+|\?(?!\?)|\{(\d+)(?:,(\d*))?\})\??/.exec(source.slice(at)) ?? [];
      if (found === undefined) {
        parts.push(of);
        continue;
      }
      at += found.length;
      const min = least === undefined ? Number(found.startsWith('+')) : Number(least);
      const only = found.includes(',') ? Number(most || Number.POSITIVE_INFINITY) : min;
      const max = found.startsWith('?') ? 1 : least === undefined ? Number.POSITIVE_INFINITY : only;
      parts.push({ type: 'repeat', of, min, max });
    }
    return { type: 'all', parts };
  };
  const alternatives = (): Node => {
    const ways = [sequence()];
    while (source[at] === '|') {
      at += 1;
      ways.push(sequence());
    }
    return ways.length === 1 ? (ways[0] ?? { type: 'all', parts: [] }) : { type: 'any', ways };
  };
  return { tree: alternatives(), anchored: source.startsWith('^') && !flags.includes('m') };
}

const SAMPLES = [...'a0: .-/_,x1A"(=\\[]{}@#\t\u001b\u00e4'];

function endOfClass(source: string, from: number): number {
  for (let i = from + 1; i < source.length; i += 1) {
    if (source[i] === '\\') i += 1;
    else if (source[i] === ']') return i;
  }
  return source.length;
}

/** How many signs are looked at until a match is found or ruled out; `limit` ends the count. */
export function countSteps({ tree, anchored }: Expression, text: string, limit: number): number {
  let steps = 0;
  const match = (node: Node, at: number, then: (at: number) => boolean): boolean => {
    steps += 1;
    if (steps > limit) return true;
    switch (node.type) {
      case 'one':
        return at < text.length && node.test(text[at] ?? '') && then(at + 1);
      case 'assert':
        return node.holds(text, at) && then(at);
      case 'ahead':
        return match(node.of, at, () => true) === node.wanted && then(at);
      case 'any':
        return node.ways.some((way) => match(way, at, then));
      case 'all':
        return inTurn(node.parts, 0, at, then);
      case 'repeat':
        return repeated(node, at, then);
    }
  };
  const inTurn = (
    parts: readonly Node[],
    i: number,
    at: number,
    then: (at: number) => boolean,
  ): boolean => {
    const part = parts[i];
    return part === undefined
      ? then(at)
      : match(part, at, (next) => inTurn(parts, i + 1, next, then));
  };
  const repeated = (
    { of, min, max }: Extract<Node, { type: 'repeat' }>,
    at: number,
    then: (at: number) => boolean,
  ): boolean => {
    if (of.type === 'one') {
      // Runs of one sign at a time need no deep stack.
      let end = at;
      while (end < text.length && end - at < max && of.test(text[end] ?? '')) end += 1;
      steps += end - at + 1;
      for (let stop = end; stop >= at + min; stop -= 1) {
        steps += 1;
        if (steps > limit || then(stop)) return true;
      }
      return false;
    }
    if (!hasRepeat(of)) {
      // Rounds that end in one way each need no deep stack either.
      const ends = [at];
      for (let from = at; ends.length <= max && steps <= limit; ) {
        const begin = from;
        const isFound = match(of, begin, (next) => {
          from = next;
          return next > begin;
        });
        if (!isFound) break;
        ends.push(from);
      }
      return ends
        .slice(min)
        .reverse()
        .some((end) => {
          steps += 1;
          return steps > limit || then(end);
        });
    }
    const again = (count: number, from: number): boolean =>
      (count < max && match(of, from, (next) => next > from && again(count + 1, next))) ||
      (count >= min && then(from));
    return again(0, at);
  };
  const starts = anchored ? 1 : text.length + 1;
  // An expression that is looked for goes on behind what it has found.
  for (let start = 0; start < starts && steps <= limit; ) {
    let end = start;
    const found = match(tree, start, (at) => {
      end = at;
      return true;
    });
    if (anchored) break;
    start = found && end > start ? end : start + 1;
  }
  return steps;
}

function hasRepeat(node: Node): boolean {
  switch (node.type) {
    case 'repeat':
      return node.max > 1;
    case 'all':
      return node.parts.some(hasRepeat);
    case 'any':
      return node.ways.some(hasRepeat);
    default:
      return false;
  }
}

/** Texts that lead the expression on and then fail: each repeated piece of it, pumped up to a length. */
export function adversaries({ tree }: Expression, length: number): readonly string[] {
  const texts: string[] = [];
  const walk = (node: Node, before: string): void => {
    switch (node.type) {
      case 'all': {
        let prefix = before;
        for (const part of node.parts) {
          walk(part, prefix);
          prefix += sampleOf(part);
        }
        return;
      }
      case 'any':
        for (const way of node.ways) walk(way, before);
        return;
      case 'ahead':
        walk(node.of, before);
        return;
      case 'repeat': {
        for (const body of bodiesOf(node.of)) {
          const pumped = body.repeat(Math.ceil(length / Math.max(body.length, 1)));
          texts.push(
            `${before}${pumped}\u0001`,
            `${pumped}\u0001`,
            `${`${before}${body}`.repeat(Math.ceil(length / (before.length + body.length || 1)))}\u0001`,
          );
        }
        walk(node.of, before);
        return;
      }
      default:
    }
  };
  walk(tree, '');
  const whole = sampleOf(tree);
  if (whole !== '') texts.push(`${whole.repeat(Math.ceil(length / whole.length))}\u0001`);
  return [...new Set(texts)].map((text) => `${text.slice(0, length)}\u0001`);
}

/** What one round of a repetition may be: something of each way through it. */
function bodiesOf(node: Node): readonly string[] {
  const ways = node.type === 'any' ? node.ways.map(sampleOf) : [sampleOf(node)];
  return ways.filter((way) => way !== '');
}

function sampleOf(node: Node): string {
  switch (node.type) {
    case 'one':
      return node.sample;
    case 'all':
      return node.parts.map(sampleOf).join('');
    case 'any':
      return sampleOf(node.ways[0] ?? { type: 'all', parts: [] });
    case 'repeat':
      return sampleOf(node.of).repeat(Math.max(node.min, Math.min(node.max, 1)));
    default:
      return '';
  }
}
