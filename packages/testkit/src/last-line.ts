import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/** What a run came to. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Vitest's reporter of the last line: `N passed, N failed`, and `, N skipped` when some were. It is printed as the
 * process ends, after everything that the end of a run may still have to say.
 */
export default class LastLine implements Reporter {
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };

  onInit(): void {
    process.once('exit', (code) => process.stdout.write(`${lastLine(this.#counts, code)}\n`));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    this.#counts = count(modules, unhandledErrors);
  }
}

/** The line. A run that ends badly with no failed test (nothing could be started, say) is one failure. */
export function lastLine({ passed, failed, skipped }: Counts, exitCode: number): string {
  const failures = failed === 0 && exitCode !== 0 ? 1 : failed;
  const line = `${passed} passed, ${failures} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}

/** Counts tests; a file or a suite that failed outside of its tests, and an error nobody caught, is a failure too. */
export function count(
  modules: ReadonlyArray<Pick<TestModule, 'errors' | 'children'>>,
  unhandledErrors: readonly unknown[],
): Counts {
  const counts: Counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const module of modules) {
    if (module.errors().length > 0) counts.failed += 1;
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) counts.failed += 1;
    }
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that is still pending when the run is over was cut off.
      if (state === 'pending') counts.failed += 1;
      else counts[state] += 1;
    }
  }
  return counts;
}
