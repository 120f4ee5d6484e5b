import { readConfig } from './config.ts';
import { failureText } from './failure.ts';
import { greeting } from './greeting.ts';
import { type DevInstallation, startDevInstallation } from './installation.ts';
import { TOPICS } from './topics.ts';

export interface RunOptions {
  env: Readonly<Record<string, string | undefined>>;
  directory: string;
  log: (line: string) => void;
  /** Ends it. */
  signal: AbortSignal;
}

/** npm start from beginning to end. Gives the exit code. */
export async function run({ env, directory, log, signal }: RunOptions): Promise<0 | 1> {
  let installation: DevInstallation;
  try {
    installation = await startDevInstallation({ config: readConfig(env), env, directory, log, signal });
  } catch (error) {
    if (signal.aborted) return 0;
    log(failureText(error));
    return 1;
  }
  log(greeting({ ...installation, topics: TOPICS, console: env['CONSOLE'] !== 'off' }));
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  log('Stopping: edges, control-api, Redis …');
  await installation.stop();
  log('Stopped.');
  return 0;
}
