import { ReprobeError } from '../../error.ts';

/** A piece of a firmware table; reading past its end is an input error that names the offset. */
export interface Binary {
  readonly bytes: Uint8Array;
  /** What the user calls it: a file name. */
  readonly file: string;
}

/** The error for a table that is not what it claims to be, with the place in it. */
export function badTable(table: Binary, offset: number, message: string): ReprobeError {
  return new ReprobeError('BAD_MACHINE', `at byte 0x${offset.toString(16)}: ${message}`, {
    file: table.file,
  });
}

/** One byte. */
export function u8(table: Binary, offset: number): number {
  const byte = table.bytes[offset];
  if (byte === undefined || offset < 0) throw badTable(table, offset, 'the table ends here');
  return byte;
}

/** 32 bits, big endian, as devicetree blobs have them. */
export function be32(table: Binary, offset: number): number {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => u8(table, offset + i));
  return (((a ?? 0) << 24) | ((b ?? 0) << 16) | ((c ?? 0) << 8) | (d ?? 0)) >>> 0;
}

/** 16 bits, little endian, as ACPI tables and PCI have them. */
export function le16(table: Binary, offset: number): number {
  return u8(table, offset) | (u8(table, offset + 1) << 8);
}

/** 32 bits, little endian. */
export function le32(table: Binary, offset: number): number {
  return (le16(table, offset) | (le16(table, offset + 2) << 16)) >>> 0;
}

/** Latin-1 text of `length` bytes, cut at the first zero byte. */
export function text(table: Binary, offset: number, length: number): string {
  let result = '';
  for (let i = offset; i < offset + length; i += 1) {
    const byte = u8(table, i);
    if (byte === 0) break;
    result += String.fromCharCode(byte);
  }
  return result;
}
