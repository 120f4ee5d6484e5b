import { defineConfig } from 'vitest/config';

/** An installation starts, an edge dies and its lease runs out, on a busy machine. */
const TIMEOUT_MS = 60_000;

/** The Pusher door with the libraries that people have: pusher-js, laravel-echo and pusher as they are published. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    reporters: ['default', '../../packages/testkit/src/last-line.ts'],
    globalSetup: ['./global-setup.ts'],
    maxWorkers: 4,
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
});
