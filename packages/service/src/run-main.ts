import { inspect } from 'node:util';
import { ConfigError } from './config.ts';

/** As shells and many tools have it: the command was used wrongly. */
const EXIT_USAGE = 2;
const EXIT_FAILURE = 1;

/**
 * Runs a process' main and turns its failure into words on standard error: a wrong configuration (exit 2) and an
 * address that cannot be bound (exit 1) each as what to change, anything else with its stack (exit 1).
 */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    // Not exitCode: connections that are open already would keep the process alive.
    process.exit(error instanceof ConfigError ? EXIT_USAGE : EXIT_FAILURE);
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  return explainListen(error) ?? inspect(error);
}

/** What the error of a `listen` means, or null when it is none. */
function explainListen(error: unknown): string | null {
  if (!(error instanceof Error) || !('syscall' in error)) return null;
  // "bind" is what a worker of node:cluster reports for the same.
  if (error.syscall !== 'listen' && error.syscall !== 'bind') return null;
  const { address, port = 0, code = '' } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const where = address?.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return `Cannot listen on ${where}: ${listenFault(code, port) ?? error.message}.`;
}

function listenFault(code: string, port: number): string | null {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use by another process. Stop it, or choose another port`;
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address';
    case 'EACCES':
      return `this user may not use port ${port}. Choose one above 1023`;
    default:
      return null;
  }
}
