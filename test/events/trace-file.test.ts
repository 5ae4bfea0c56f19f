import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReprobeError } from '../../src/error.ts';
import type { Recorded } from '../../src/events/event.ts';
import { emptyTable } from '../../src/events/table.ts';
import { SCHEMA_VERSION, type Trace } from '../../src/events/trace.ts';
import {
  digestOf,
  encodeTrace,
  looksLikeTrace,
  type ReadOptions,
  readTrace,
  writeTrace,
} from '../../src/events/trace-file.ts';
import type { UpcastTable } from '../../src/events/upcast.ts';
import { aTrace } from './arbitrary.ts';

const base = { task: 'modprobe e1000e', origin: 'implied', line: null, timeUs: null } as const;
const SMALL: Trace = {
  header: {
    schema: SCHEMA_VERSION,
    source: { name: 'dmesg.txt', format: 'dmesg' },
    kernel: {
      version: '6.1',
      release: null,
      config: emptyTable(),
      cmdline: 'quiet',
      patches: emptyTable(),
    },
    machine: { firmware: 'none', devices: [], drivers: [], modules: [], boot: [] },
    stimuli: [{ do: 'boot' }],
    choices: [0, 1],
  },
  events: [
    {
      ...base,
      event: { type: 'probe.started', dev: '0000:01:00.0', drv: 'e1000e' },
      stack: ['really_probe'],
      origin: 'observed',
      line: 3,
      timeUs: 1_500_000,
    },
    {
      ...base,
      event: { type: 'owner.used', dev: '0000:01:00.0', group: 1, ret: 0 },
      stack: ['really_probe', 'pci_dma_configure'],
    },
    {
      ...base,
      event: { type: 'dma.configured', dev: '0000:01:00.0', ret: 0 },
      stack: ['really_probe'],
    },
  ],
};

function textOf(trace: Trace): string {
  return [...encodeTrace(trace)].join('');
}

/** A file with a right digest, whatever its lines say. */
function sealed(lines: readonly string[]): Uint8Array {
  const body = lines.map((line) => `${line}\n`).join('');
  const digest = createHash('sha256').update(body).digest('hex');
  const events = lines.filter((line) => line.startsWith('{"n":')).length;
  return Buffer.from(`${body}{"events":${events},"digest":"sha256:${digest}"}\n`);
}

function errorOf(bytes: Uint8Array, options: ReadOptions = {}): ReprobeError {
  try {
    readTrace(bytes, 't.jsonl', options);
  } catch (error) {
    if (error instanceof ReprobeError) return error;
    throw error;
  }
  throw new Error('expected the trace to be refused');
}

function bodyLines(): string[] {
  return textOf(SMALL).split('\n').slice(0, -2);
}

describe('the file', () => {
  it('has a line an event, and names tasks and stacks before their use', () => {
    expect(bodyLines().slice(1)).toEqual([
      '{"task":0,"is":"modprobe e1000e"}',
      '{"stack":0,"is":["really_probe"]}',
      '{"n":0,"type":"probe.started","dev":"0000:01:00.0","drv":"e1000e","task":0,"stack":0,"origin":"observed","line":3,"timeUs":1500000}',
      '{"stack":1,"is":["really_probe","pci_dma_configure"]}',
      '{"n":1,"type":"owner.used","dev":"0000:01:00.0","group":1,"ret":0,"task":0,"stack":1}',
      '{"n":2,"type":"dma.configured","dev":"0000:01:00.0","ret":0,"task":0,"stack":0}',
    ]);
    expect(looksLikeTrace(writeTrace(SMALL))).toBe(true);
  });

  it('is the same whatever the order of the keys in memory', () => {
    const event = { ret: 0, group: 1, dev: '0000:01:00.0', type: 'owner.used' } as const;
    const events: Recorded[] = SMALL.events.map((recorded) =>
      recorded.event.type === 'owner.used' ? { ...recorded, event } : recorded,
    );
    expect(textOf({ ...SMALL, events })).toBe(textOf(SMALL));
  });

  it('comes back equal, compressed or not', () => {
    expect(readTrace(writeTrace(SMALL), 't.jsonl')).toStrictEqual(SMALL);
    expect(readTrace(writeTrace(SMALL, { gzip: true }), 't.jsonl')).toStrictEqual(SMALL);
  });

  it('shares stacks', () => {
    const { events } = readTrace(writeTrace(SMALL), 't.jsonl');
    expect(events[2]?.stack).toBe(events[0]?.stack);
  });

  it('refuses to write what it could not read', () => {
    const events = SMALL.events.map((recorded) => ({ ...recorded, line: 0.5 }));
    expect(() => writeTrace({ ...SMALL, events })).toThrow('This is a bug in reprobe');
  });
});

describe('a damaged file', () => {
  it('torn inside a line: says after which event and where', () => {
    const text = textOf(SMALL);
    const error = errorOf(Buffer.from(text.slice(0, text.indexOf('"dma.configured"'))));
    expect(error).toMatchObject({ code: 'TORN_TRACE', file: 't.jsonl', line: 7, column: 15 });
    expect(error.message).toBe('The trace is cut off after event 1.');
  });

  it('edited: says what does not fit', () => {
    const text = textOf(SMALL);
    expect(errorOf(Buffer.from(text.replace('"ret":0', '"ret":1')))).toMatchObject({
      code: 'EDITED_TRACE',
      message: 'The trace was changed: its bytes do not match the digest in its last line.',
    });
    expect(errorOf(Buffer.from(text.replace('"ret":0', '"ret":"0"')))).toMatchObject({
      code: 'EDITED_TRACE',
      line: 6,
      column: 59,
    });
    const lines = text.split('\n');
    const [a = '', b = ''] = lines.splice(5, 2);
    lines.splice(5, 0, b, a);
    expect(errorOf(Buffer.from(lines.join('\n')))).toMatchObject({ code: 'EDITED_TRACE', line: 6 });
  });

  it('joined from two: is refused', () => {
    const text = textOf(SMALL);
    expect(errorOf(Buffer.from(text + text)).code).toBe('EDITED_TRACE');
  });

  it('cut at any byte: is torn', () => {
    const bytes = writeTrace(SMALL);
    for (let length = 0; length < bytes.length; length++) {
      expect(errorOf(bytes.subarray(0, length)).code, `cut to ${length}`).toBe('TORN_TRACE');
    }
  });

  it('with any bit flipped: is refused', () => {
    const bytes = writeTrace(SMALL);
    for (let i = 0; i < bytes.length * 8; i++) {
      const changed = Uint8Array.from(bytes);
      changed[i >> 3] = (changed[i >> 3] ?? 0) ^ (1 << (i & 7));
      expect(errorOf(changed).code, `bit ${i}`).toMatch(/^(?:TORN|EDITED|BAD)_TRACE$/);
    }
  });

  it('compressed and cut at any byte: is torn', () => {
    const bytes = writeTrace(SMALL, { gzip: true });
    for (let length = 2; length < bytes.length; length++) {
      expect(errorOf(bytes.subarray(0, length)).code, `cut to ${length}`).toBe('TORN_TRACE');
    }
  });

  it('compressed, with any bit flipped: is refused or the same', () => {
    const bytes = writeTrace(SMALL, { gzip: true });
    for (let i = 0; i < bytes.length * 8; i++) {
      const changed = Uint8Array.from(bytes);
      changed[i >> 3] = (changed[i >> 3] ?? 0) ^ (1 << (i & 7));
      try {
        expect(readTrace(changed, 't.jsonl.gz')).toStrictEqual(SMALL);
      } catch (error) {
        expect(error, `bit ${i}`).toBeInstanceOf(ReprobeError);
      }
    }
  });

  it('that decompresses to too much: is refused', () => {
    const bytes = writeTrace(SMALL, { gzip: true });
    expect(errorOf(bytes, { bytesMax: 100 }).code).toBe('TOO_LARGE');
  });
});

describe('a file with a right digest and wrong content', () => {
  const good = '{"n":2,"type":"dma.configured","dev":"0000:01:00.0","ret":0,"task":0,"stack":0}';
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const device = (inner: string) => `{"name":"a","bus":"b","parent":null,"ids":[]${inner}}`;
  const devices = (depth: number): string =>
    depth === 0 ? device('') : device(`,"creates":[${devices(depth - 1)}]`);

  it.each<[string, string, string]>([
    ['a string for a number', good.replace('"ret":0', '"ret":"0"'), '"ret" must be an integer'],
    ['a fraction', good.replace('"ret":0', '"ret":0.5'), '"ret" must be an integer'],
    ['infinity', good.replace('"ret":0', '"ret":1e999'), '"ret" must be an integer'],
    ['2^53', good.replace('"ret":0', '"ret":9007199254740992'), '"ret" must be an integer'],
    ['no field', good.replace(',"ret":0', ''), '"ret" is missing'],
    ['null', good.replace('"ret":0', '"ret":null'), '"ret" must be an integer'],
    ['a nest', good.replace('"ret":0', `"ret":${deep}`), '"ret" must be an integer'],
    ['a foreign field', good.replace('"ret":0', '"ret":0,"x":1'), '"x" is not a field'],
    ['a prototype', good.replace('"ret":0', '"ret":0,"__proto__":{}'), '"__proto__" is not a'],
    ['a foreign nest', good.replace('"ret":0', `"ret":0,"x":${deep}`), '"x" is not a field'],
    ['an unknown type', good.replace('dma.configured', 'dma.x'), 'an event type of this version'],
    ['a type from Object', good.replace('dma.configured', 'toString'), 'an event type of this'],
    ['no such task', good.replace('"task":0', '"task":1'), 'a task defined above'],
    ['no such stack', good.replace('"stack":0', '"stack":-1'), 'a stack defined above'],
    ['a task by name', good.replace('"task":0', '"task":"length"'), 'a task defined above'],
    ['another number', good.replace('"n":2', '"n":3'), '"n" must be 2'],
    ['an unknown origin', good.replace('"n":2', '"n":2,"origin":"toString"'), '"origin" must be'],
    ['half a line', good.slice(0, 30), 'not JSON'],
    ['an empty line', '', 'not JSON'],
    ['a list', '[]', 'must be an object'],
    ['a stray object', '{"x":1}', 'not an event'],
    ['a task again', '{"task":0,"is":"init"}', '"task" must be the next number, 1'],
    ['a stack of numbers', '{"stack":2,"is":[1]}', '"is" must be text'],
    [
      'devices in devices without end',
      `{"n":2,"type":"device.added","dev":"a","spec":${devices(40)},"task":0,"stack":0}`,
      'nested at most 16 deep',
    ],
  ])('%s: is refused', (_, line, message) => {
    const error = errorOf(sealed([...bodyLines().slice(0, -1), line]));
    expect(error).toMatchObject({ code: 'BAD_TRACE', line: 7 });
    expect(error.message).toContain(message);
  });

  it('not UTF-8: is refused, but a true U+FFFD is not', () => {
    const [header = '', ...rest] = bodyLines();
    const fffd = [header, ...rest.map((line) => line.replace('modprobe', '\ufffd'))];
    expect(readTrace(sealed(fffd), 't.jsonl').events[0]?.task).toBe('\ufffd e1000e');
    const body = Buffer.from(`${fffd.join('\n')}\n`);
    body[body.indexOf(0xef)] = 0xff;
    const digest = createHash('sha256').update(body).digest('hex');
    const trailer = Buffer.from(`{"events":3,"digest":"sha256:${digest}"}\n`);
    expect(errorOf(Buffer.concat([body, trailer]))).toMatchObject({
      code: 'BAD_TRACE',
      line: 2,
      message: 'This line is not UTF-8.',
    });
  });

  it('another machine: is refused', () => {
    const lines = bodyLines();
    lines[0] = (lines[0] ?? '').replace('"firmware":"none"', '"firmware":"acpi"');
    expect(errorOf(sealed(lines)).message).toContain('machineDigest');
  });

  it('a wrong count: is refused', () => {
    const text = Buffer.from(sealed(bodyLines())).toString().replace('"events":3', '"events":4');
    expect(errorOf(Buffer.from(text)).code).toBe('EDITED_TRACE');
  });
});

describe('schema versions', () => {
  const withSchema = (schema: string) => {
    const [header = '', ...rest] = bodyLines();
    return sealed([header.replace('"schema":1', `"schema":${schema}`), ...rest]);
  };

  it.each([
    ['2', 'schema 2', 'newer reprobe'],
    ['0', 'schema 0', 'make the trace again'],
    ['-1', 'no version number', 'make the trace again'],
    ['"1"', 'no version number', 'make the trace again'],
    ['{"a":1}', 'no version number', 'make the trace again'],
  ])('%s is refused', (schema, message, hint) => {
    const error = errorOf(withSchema(schema));
    expect(error).toMatchObject({ code: 'BAD_TRACE', line: 1, column: 29 });
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it('an older one is lifted row by row', () => {
    const upcasts: UpcastTable = {
      [-1]: { header: (raw) => raw, event: () => [] },
      // In version 0 `owner.used` was called `owner.taken`, and dma.configured was left unsaid.
      0: {
        header: (raw) => ({ ...raw, choices: [] }),
        event: (raw) => {
          if (raw['type'] === 'dma.configured') return [];
          return raw['type'] === 'owner.taken' ? [{ ...raw, type: 'owner.used' }] : [raw];
        },
      },
    };
    const [header = '', ...rest] = bodyLines();
    const old = sealed([
      header.replace('"schema":1', '"schema":0').replace('"choices":[0,1]', '"choices":"none"'),
      ...rest.map((line) => line.replace('owner.used', 'owner.taken')),
    ]);
    const trace = readTrace(old, 't.jsonl', { upcasts });
    expect(trace.header).toStrictEqual({ ...SMALL.header, choices: [] });
    expect(trace.events).toStrictEqual(SMALL.events.slice(0, 2));
  });
});

describe('digestOf', () => {
  it('looks at content, not at the order of keys', () => {
    expect(digestOf({ a: 1, b: [null, 'x'] })).toBe(digestOf({ b: [null, 'x'], a: 1 }));
    expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: '1' }));
    expect(digestOf([1, 2])).not.toBe(digestOf([2, 1]));
    expect(() => digestOf(Number.NaN)).toThrow('This is a bug');
  });
});

describe('properties', () => {
  it('reading gives back what was written', () => {
    fc.assert(
      fc.property(aTrace, fc.boolean(), (trace, gzip) => {
        const read = readTrace(writeTrace(trace, { gzip }), 't.jsonl');
        expect(read).toEqual(trace);
        expect(textOf(read)).toBe(textOf(trace));
      }),
    );
  });

  it('a trace cut anywhere is never whole', () => {
    fc.assert(
      fc.property(aTrace, fc.nat(), (trace, at) => {
        const bytes = writeTrace(trace);
        expect(errorOf(bytes.subarray(0, at % bytes.length)).code).toBe('TORN_TRACE');
      }),
    );
  });

  it('any bytes give a trace or a ReprobeError', () => {
    const header = Buffer.from('{"reprobe":"trace","schema":1');
    const start = fc.constantFrom(Buffer.alloc(0), header, Buffer.from([0x1f, 0x8b]));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), (first, rest) => {
        errorOf(Buffer.concat([first, rest]));
      }),
    );
  });

  it('any JSON in a line gives an error', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(errorOf(sealed([...bodyLines(), json])).code).toBe('BAD_TRACE');
        expect(errorOf(sealed([`{"reprobe":"trace","schema":1,"kernel":${json}}`])).code).toBe(
          'BAD_TRACE',
        );
      }),
    );
  });
});
