import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // A limit for what hangs, not for what a busy machine delays.
    testTimeout: 60_000,
    include: ['test/**/*.test.ts'],
    disableConsoleIntercept: true,
  },
});
