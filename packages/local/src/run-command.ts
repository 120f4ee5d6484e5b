import { spawn } from 'node:child_process';

export interface CommandResult {
  code: number | null;
  /** Standard output, trimmed. */
  output: string;
  /** Both streams as they came, trimmed: for messages. */
  printed: string;
}

/** Runs a command to its end. A command that cannot be started is a result with `code` null, not an error. */
export function runCommand(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      printed += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.once('error', (error) => resolve({ code: null, output: '', printed: error.message }));
    child.once('close', (code) => resolve({ code, output: output.trim(), printed: printed.trim() }));
  });
}
