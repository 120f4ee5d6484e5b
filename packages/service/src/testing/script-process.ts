import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A script in a process of its own: for tests of what ends a process. */
export interface ScriptProcess {
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves with the exit code, null when a signal ended it. */
  readonly exited: Promise<number | null>;
}

/**
 * Runs the body of an ES module.
 * @param imports local names by module of src: `{ onShutdown: './shutdown.ts' }`
 */
export function runScript(imports: Readonly<Record<string, string>>, body: string): ScriptProcess {
  const heads = Object.entries(imports).map(
    ([name, file]) => `import { ${name} } from ${JSON.stringify(new URL(file, new URL('..', import.meta.url)).href)};`,
  );
  const child = spawn(process.execPath, ['--input-type=module', '--eval', [...heads, body].join('\n')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return {
    kill: (signal) => child.kill(signal),
    stdout: () => stdout,
    stderr: () => stderr,
    exited: once(child, 'close').then(([code]) => code as number | null),
  };
}
