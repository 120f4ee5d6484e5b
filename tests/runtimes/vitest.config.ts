import { defineConfig } from 'vitest/config';

/** Downloads of some hundred megabytes, the first time. */
const TIMEOUT_MS = 300_000;

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    reporters: ['default', '../../packages/testkit/src/last-line.ts'],
    globalSetup: ['../../packages/testkit/src/global-setup.ts'],
    // Most of the time goes by with downloads.
    maxWorkers: 2,
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
});
