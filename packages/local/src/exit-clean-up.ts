import { spawn } from 'node:child_process';

/**
 * Runs a shell script once this process is gone, however it went: also after `kill -9`, when no handler of ours runs.
 * Gives back how to revoke it.
 *
 * A shell waits on a pipe whose only other end is ours; the kernel closes that end when we die, and the shell acts.
 * A shell, because it is there wherever a Redis is, starts at once and costs 1 MB (a Node process: 40 MB); in a session
 * of its own, so that neither Ctrl-C nor a kill of our process group takes it along.
 */
export function exitCleanUp(script: string, args: readonly string[]): () => void {
  const shell = spawn('/bin/sh', ['-c', `read -r revoked || {\n${script}\n}`, 'holdfast-exit-clean-up', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  // Without a shell, or with one that somebody ended, there is only no net: the ordinary stop does not depend on it.
  shell.on('error', (error) => process.emitWarning(error));
  shell.stdin.on('error', (error) => process.emitWarning(error));
  shell.unref();
  return () => {
    if (shell.exitCode === null && shell.signalCode === null) shell.stdin.end('revoked\n');
  };
}
