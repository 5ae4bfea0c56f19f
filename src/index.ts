// The public API.
export type { ErrorPlace, ReprobeErrorCode } from './error.ts';
export { ReprobeError, renderError } from './error.ts';
