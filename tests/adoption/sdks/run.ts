import { runCommand } from '@holdfast/local/run-command';

/** Runs a command in a folder and gives what it printed; fails with that when it does not succeed. */
export async function runIn(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
  command: readonly string[],
): Promise<string> {
  const inFolder = ['-c', 'cd "$1" && shift && exec "$@"', 'sh', folder, ...command];
  const { code, printed } = await runCommand('sh', inFolder, env);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${printed}`);
  return printed;
}
