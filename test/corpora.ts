// Recorded sessions of real kernels and logs from the wild, where a checkout has them beside it:
// tests of them are skipped elsewhere.
export const TRACES = process.env['REPROBE_TRACES'] ?? '../shared/traces';
export const PUBLIC = process.env['REPROBE_LOGS'] ?? '../shared/dmesg-public';
