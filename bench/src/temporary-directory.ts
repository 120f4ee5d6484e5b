import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCleanUp } from '@holdfast/local/exit-clean-up';

/** A directory that goes when it is disposed of, or when this process is gone. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  const revokeCleanUp = exitCleanUp('rm -rf -- "$1"', [path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
      revokeCleanUp();
    },
  };
}
