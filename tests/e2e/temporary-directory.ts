import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCleanUp } from '@holdfast/local/exit-clean-up';

/** What used it may need a moment to notice that we are gone, and write to it until then. */
const REMOVE = 'for second in 1 2 3 4 5; do rm -rf -- "$1"; sleep 1; [ -e "$1" ] || exit 0; done';

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty directory that goes with this process, however that ends. `await using` it. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-e2e-'));
  const revokeCleanUp = exitCleanUp(REMOVE, [path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
      revokeCleanUp();
    },
  };
}
