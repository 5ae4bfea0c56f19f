/** A log read once, from its first byte on, in a given manner or in one that its first lines suggest. */
import { createDrafter, createJsonDrafter, type Draft, type Drafter } from './format-drafts.ts';
import { createExportReader, looksLikeExport } from './format-export.ts';
import {
  createJsonReader,
  type JsonReader,
  type JsonReading,
  looksLikeJson,
} from './format-json.ts';
import { createLineReader, type Line } from './format-lines.ts';
import { createPieceSorter } from './format-pieces.ts';
import { createRecorder } from './format-recorder.ts';
import {
  countEntry,
  countLine,
  createSurvey,
  formatOf,
  type Layout,
  layoutOf,
  type Survey,
} from './format-survey.ts';
import { createTextReader } from './format-text.ts';
import type { LogFormat, LogRecord, LogTotals } from './record.ts';

/** How a log is read: as JSON, as the journal exports it, as text of some layout, or as text whose layout is to be found out. */
export type Manner = 'json' | 'export' | 'text' | Layout;

export interface Pass {
  push(bytes: Uint8Array): void;
  end(): LogTotals;
  /** How the log should have been read, going by all that was pushed; null when it was. */
  correction(): Manner | null;
}

/** So many entries suggest a layout, or fewer long ones. */
const FIRST_ENTRIES = 512;
const FIRST_LENGTH = 1024 * 1024;

/** What reads lines, once it is known what they are. */
interface Body {
  push(raw: string, line: number): void;
  end(): void;
  skipped(): number;
  format(fromTerminal: boolean): LogFormat;
  correction(): Manner | null;
}

/** @param manner null where the log itself is to tell. */
export function createPass(manner: Manner | null, take: (record: LogRecord) => void): Pass {
  const survey = createSurvey();
  const recorder = createRecorder((record) => {
    const fileLine = pieces.fileLineOf(record.line);
    take(fileLine === record.line ? record : { ...record, fileLine });
  });
  let body: Body | null = null;
  const bodyOf = (line: string): Body => {
    const isJson = manner === null ? looksLikeJson(line) : manner === 'json';
    if (isJson) return jsonBody(recorder.push, createJsonReader, 'journal-json');
    const isExport = manner === null ? looksLikeExport(line) : manner === 'export';
    if (isExport) return jsonBody(recorder.push, createExportReader, 'journal');
    return textBody(typeof manner === 'object' ? manner : null, survey, recorder.push);
  };
  const pieces = createPieceSorter((raw, line) => {
    if (body === null && raw.trim() === '') return;
    body ??= bodyOf(raw);
    body.push(raw, line);
  });
  const text = createTextReader((raw) => {
    countLine(survey, raw);
    pieces.push(raw, survey.lines);
  });
  return {
    push: text.push,
    end() {
      text.end();
      pieces.end();
      body?.end();
      recorder.end();
      const format = body?.format(text.isFromTerminal()) ?? 'plain';
      return { format, lines: survey.lines, skipped: body?.skipped() ?? 0 };
    },
    correction: () => body?.correction() ?? null,
  };
}

/** Entries that tell of themselves by fields. */
function jsonBody(
  take: (draft: Draft) => void,
  createReader: (take: (reading: JsonReading) => void) => JsonReader,
  format: LogFormat,
): Body {
  const drafter = createJsonDrafter(take);
  let any = false;
  const reader = createReader((reading) => {
    any = true;
    drafter.push(reading);
  });
  return {
    push: reader.push,
    end: reader.end,
    skipped: () => reader.skipped() + drafter.skipped(),
    format: () => format,
    correction: () => (any ? null : 'text'),
  };
}

/** Lines are put together under `asked`, or under the layout that the first of them have. */
function textBody(asked: Layout | null, survey: Survey, take: (draft: Draft) => void): Body {
  let layout = asked;
  let drafter: Drafter<Line> | null = asked === null ? null : createDrafter(asked, take);
  let waiting: Line[] = [];
  let waitingLength = 0;
  const settle = (): Drafter<Line> => {
    layout ??= layoutOf(survey);
    drafter ??= createDrafter(layout, take);
    for (const entry of waiting) drafter.push(entry);
    waiting = [];
    return drafter;
  };
  const reader = createLineReader((entry) => {
    countEntry(survey, entry);
    if (drafter !== null) return drafter.push(entry);
    waiting.push(entry);
    waitingLength += entry.raw.length;
    if (waiting.length === FIRST_ENTRIES || waitingLength > FIRST_LENGTH) settle();
  });
  return {
    push: reader.push,
    end() {
      reader.end();
      settle().end();
    },
    skipped: () => drafter?.skipped() ?? 0,
    format: (fromTerminal) =>
      formatOf(survey, layout ?? layoutOf(survey), {
        skipped: drafter?.skipped() ?? 0,
        fromTerminal,
      }),
    correction() {
      const found = layoutOf(survey);
      return layout === null || isSame(layout, found) ? null : found;
    },
  };
}

function isSame(a: Layout, b: Layout): boolean {
  return a.plain === b.plain && a.quoted === b.quoted && a.wrapped === b.wrapped;
}
