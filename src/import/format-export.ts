/**
 * `journalctl -o export`: entries of `FIELD=value` lines, parted by empty lines. A value of several lines, or
 * with odd bytes, stands behind its field's name, a line end, and its length in eight bytes.
 *
 * Source: systemd's JOURNAL_EXPORT_FORMATS.
 */
import { type JsonReader, type JsonReading, journalFields } from './format-json.ts';

const FIELD = /^([A-Z_][A-Z0-9_]{0,63})(?:=(.*))?$/;
/** Fields that the journal itself adds stand first. */
const FIRST = /^__(?:CURSOR|REALTIME_TIMESTAMP|MONOTONIC_TIMESTAMP)=/;

export function looksLikeExport(line: string): boolean {
  return FIRST.test(line);
}

/** Reads entries one by one; what an entry holds beside the fields that tell of a message is dropped. */
export function createExportReader(take: (reading: JsonReading) => void): JsonReader {
  let fields = new Map<string, unknown>();
  let start = 0;
  let skipped = 0;
  /** A value that spans lines. */
  let open: { readonly name: string; readonly lines: string[] } | null = null;
  const close = (): void => {
    if (open !== null) fields.set(open.name, valueIn(open.lines));
    open = null;
  };
  const finish = (): void => {
    close();
    if (fields.size > 0) {
      const reading = journalFields(fields, start);
      if (reading === null) skipped++;
      else take(reading);
    }
    fields = new Map();
  };
  return {
    push(raw, line) {
      const field = FIELD.exec(raw);
      // Its length alone makes the first line of a value empty where it is ten.
      const isValue = open !== null && (open.lines.length === 0 || (raw !== '' && field === null));
      if (isValue) open?.lines.push(raw);
      else if (raw === '') finish();
      else if (field !== null) {
        close();
        if (fields.size === 0) start = line;
        const [, name = '', value] = field;
        if (value === undefined) open = { name, lines: [] };
        else fields.set(name, value);
      } else skipped++;
    },
    end: finish,
    skipped: () => skipped,
  };
}

/** The text without its length in front, of which NULs are gone and other bytes may be mangled. */
function valueIn(lines: readonly string[]): string {
  const text = lines.join('\n');
  const bytes = new TextEncoder().encode(text).length;
  const isShort = text.charCodeAt(0) === bytes - 1;
  return text.slice(isShort || bytes < 256 ? 1 : 2);
}
