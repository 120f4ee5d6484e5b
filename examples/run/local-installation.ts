import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCleanUp } from '@holdfast/local/exit-clean-up';
import { startInstallation } from '@holdfast/local/installation';
import { createWantedKeys } from './keys.ts';

export interface LocalInstallationOptions {
  /** The folder of the example whose keys are made. */
  readonly example: string;
  /** Of its pages: `http://…`, separated by commas. */
  readonly origins: string;
  readonly print: (line: string) => void;
}

/**
 * Starts Redis, control-api and an edge on free ports, for pages of those origins alone, and ends them with the stack.
 * Gives the variables that the example needs.
 */
export async function startLocalInstallation(
  started: AsyncDisposableStack,
  { example, origins, print }: LocalInstallationOptions,
): Promise<Record<string, string>> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-example-'));
  // A moment later than the processes that are using it end.
  const revokeCleanUp = exitCleanUp('sleep 1; rm -rf -- "$1"', [directory]);
  started.defer(async () => {
    await rm(directory, { recursive: true, force: true });
    revokeCleanUp();
  });
  const keysFile = join(directory, 'api-keys.json');
  const keys = await createWantedKeys(example, keysFile);
  const installation = await startInstallation({
    edges: 1,
    keys: { keysFile, key: keys['HOLDFAST_KEY'] ?? '' },
    env: { CONTROL_ALLOWED_ORIGINS: origins, EDGE_ALLOWED_ORIGINS: origins },
    announce: print,
  });
  started.defer(installation.stop);
  print(`Holdfast: ${installation.controlUrl}, started for this example`);
  return { HOLDFAST_CONTROL_URL: installation.controlUrl, ...keys };
}
