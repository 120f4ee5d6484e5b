import { defineConfig } from 'vitest/config';

/** An installation starts, packages are built and installed, sites are made, on a busy machine. */
const TIMEOUT_MS = 180_000;
/** `expect.poll` waits for a condition in a page. */
const POLL_MS = 20_000;

/** What a team meets that adopts Holdfast: the examples, the SDKs of other languages, the docs and what they show. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    reporters: ['default', '../../packages/testkit/src/last-line.ts'],
    globalSetup: ['../../packages/testkit/src/global-setup.ts'],
    maxWorkers: 4,
    expect: { poll: { timeout: POLL_MS } },
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
});
