import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

/** Most tests wait for sockets and processes; on two cores vitest's own choice would be one file at a time. */
const FILES_SIDE_BY_SIDE = Math.max(4, availableParallelism());
/** Several processes start, on a machine that runs other files as well. */
const E2E_TIMEOUT_MS = 60_000;
/** Enough for 1,000 rounds of a race on a machine so busy that it is ten times slower; a test that needs longer says so. */
const TIMEOUT_MS = 120_000;
/** What `expect.poll` waits for comes at once, or when the machine has time for it. */
const POLL_TIMEOUT_MS = 30_000;

/** `extends: false`: a project that inherited `globalSetup` would run it a second time. */
const alone = { extends: false } as const;
const everywhere = { maxWorkers: FILES_SIDE_BY_SIDE, expect: { poll: { timeout: POLL_TIMEOUT_MS } } };

export default defineConfig({
  test: {
    reporters: ['default', './packages/testkit/src/last-line.ts'],
    globalSetup: ['./packages/testkit/src/global-setup.ts'],
    ...everywhere,
    projects: [
      {
        ...alone,
        test: {
          name: 'unit',
          include: ['{packages,apps,bench,scripts,site}/**/*.test.ts'],
          exclude: [...configDefaults.exclude, '**/*.redis.test.ts'],
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          ...everywhere,
        },
      },
      {
        ...alone,
        test: {
          name: 'redis',
          include: ['{packages,apps,bench,scripts}/**/*.redis.test.ts'],
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          ...everywhere,
        },
      },
      {
        ...alone,
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          testTimeout: E2E_TIMEOUT_MS,
          hookTimeout: E2E_TIMEOUT_MS,
          // After the others: installations of several processes want the machine to themselves.
          sequence: { groupOrder: 1 },
          ...everywhere,
        },
      },
    ],
  },
});
