import { defineConfig } from 'vitest/config';

/** Several processes and a Chromium start, on a machine that runs other files as well. */
const TIMEOUT_MS = 60_000;

/** The console, and pages with the client library, in a real browser on a real installation. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    reporters: ['default', '../../packages/testkit/src/last-line.ts'],
    globalSetup: ['../../packages/testkit/src/global-setup.ts'],
    maxWorkers: 4,
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
});
