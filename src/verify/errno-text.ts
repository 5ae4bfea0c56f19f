/** strerror texts as shells and C libraries print them, with the error number they stand for. */
const ERRNO_BY_TEXT: readonly (readonly [string, number])[] = [
  ['Operation not permitted', 1],
  ['No such file or directory', 2],
  ['nonexistent directory', 2],
  ['Directory nonexistent', 2],
  ['not found', 2],
  ['No such process', 3],
  ['Interrupted system call', 4],
  ['Input/output error', 5],
  ['I/O error', 5],
  ['No such device or address', 6],
  ['Exec format error', 8],
  ['Invalid module format', 8],
  ['Resource temporarily unavailable', 11],
  ['Try again', 11],
  ['Cannot allocate memory', 12],
  ['Out of memory', 12],
  ['Permission denied', 13],
  ['Bad address', 14],
  ['Device or resource busy', 16],
  ['Resource busy', 16],
  ['File exists', 17],
  ['No such device', 19],
  ['Not a directory', 20],
  ['Is a directory', 21],
  ['Invalid argument', 22],
  ['Inappropriate ioctl for device', 25],
  ['Not a tty', 25],
  ['Text file busy', 26],
  ['No space left on device', 28],
  ['Read-only file system', 30],
  ['Function not implemented', 38],
  ['Unknown symbol in module', 2],
  ['Key was rejected by service', 129],
  ['Connection timed out', 110],
  ['Operation not supported', 95],
];

/**
 * The error number that a line of a shell's or module tool's stderr names, or null when it names
 * none: `sh: write error: Device or resource busy` gives 16. Only the text after the last colon
 * counts, so that a file name cannot be taken for an error.
 */
export function errnoOfText(line: string): number | null {
  const text = line.slice(line.lastIndexOf(':') + 1).trim();
  for (const [known, errno] of ERRNO_BY_TEXT) if (text === known) return errno;
  if (/\bmodule \S+ not found\b/i.test(line)) return 2;
  return null;
}
