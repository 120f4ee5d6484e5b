import { runCommand } from '@holdfast/local/run-command';
import { expect } from 'vitest';

/** Runs a command in a folder and gives what it printed; fails with that when it does not succeed. */
export async function runIn(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
  command: readonly string[],
): Promise<string> {
  const inFolder = ['-c', 'cd "$1" && shift && exec "$@"', 'sh', folder, ...command];
  const { code, printed } = await runCommand('sh', inFolder, env);
  expect(code, printed).toBe(0);
  return printed;
}
