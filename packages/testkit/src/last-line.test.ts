import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastLine } from './last-line.ts';

const repositoryRoot = join(import.meta.dirname, '../../..');

describe('the last line of a test run', () => {
  let folder: string;

  beforeEach(async () => {
    // Inside the repository, where `vitest` is found.
    folder = await mkdtemp(join(repositoryRoot, 'node_modules/.holdfast-test-'));
    await writeFile(
      join(folder, 'vitest.config.mjs'),
      `export default { test: {
        include: ['*.test.mjs'], reporters: ['default', ${JSON.stringify(join(import.meta.dirname, 'last-line.ts'))}],
      } };`,
    );
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function lastLineOf(files: Record<string, string>): Promise<{ last: string | undefined; code: unknown }> {
    for (const [name, source] of Object.entries(files)) {
      await writeFile(
        join(folder, name),
        `import { afterAll, beforeAll, describe, expect, it } from 'vitest';\n${source}`,
      );
    }
    const vitest = join(repositoryRoot, 'node_modules/vitest/vitest.mjs');
    return new Promise((resolve) => {
      execFile(process.execPath, [vitest, 'run', '--root', folder], (error, stdout) => {
        resolve({ last: stdout.trimEnd().split('\n').at(-1), code: error?.code ?? 0 });
      });
    });
  }

  it('counts what passed', async () => {
    const run = await lastLineOf({
      'a.test.mjs': `it('a', () => {}); it('b', () => {});`,
      'b.test.mjs': `it('c', () => {});`,
    });
    expect(run).toEqual({ last: '3 passed, 0 failed', code: 0 });
  });

  it('counts what failed and what was skipped', async () => {
    const run = await lastLineOf({
      'a.test.mjs': `it('a', () => {}); it('b', () => { expect(1).toBe(2); }); it.skip('c', () => {}); it.todo('d');`,
    });
    expect(run).toEqual({ last: '1 passed, 1 failed, 2 skipped', code: 1 });
  });

  it('counts a file that cannot be loaded, a suite that cannot be cleaned up and an uncaught error', async () => {
    const run = await lastLineOf({
      'a.test.mjs': `it('a', () => {});`,
      'b.test.mjs': `throw new Error('cannot be loaded');`,
      'c.test.mjs': `describe('s', () => { afterAll(() => { throw new Error('cannot be cleaned up'); }); it('b', () => {}); });`,
      'd.test.mjs': `it('c', () => new Promise((resolve) => { setImmediate(() => { resolve(); throw new Error('uncaught'); }); }));`,
    });
    expect(run).toEqual({ last: '3 passed, 3 failed', code: 1 });
  });

  it('is one failure when the run could not begin', async () => {
    await writeFile(join(folder, 'setup.mjs'), `export default () => { throw new Error('no Redis'); };`);
    await writeFile(
      join(folder, 'vitest.config.mjs'),
      `export default { test: {
        include: ['*.test.mjs'], globalSetup: ['./setup.mjs'],
        reporters: ['default', ${JSON.stringify(join(import.meta.dirname, 'last-line.ts'))}],
      } };`,
    );
    expect(await lastLineOf({ 'a.test.mjs': `it('a', () => {});` })).toEqual({ last: '0 passed, 1 failed', code: 1 });
  });

  it('says nothing of skipped tests when there were none', () => {
    expect(lastLine({ passed: 1, failed: 0, skipped: 0 }, 0)).toBe('1 passed, 0 failed');
  });
});
