import { readConfig } from './config.ts';
import { failureText } from './failure.ts';
import { greeting } from './greeting.ts';
import { type DevInstallation, startDevInstallation } from './installation.ts';
import type { StopRequest } from './stop-request.ts';
import { TOPICS } from './topics.ts';

export interface RunOptions {
  env: Readonly<Record<string, string | undefined>>;
  directory: string;
  say: (line: string) => void;
  stop: StopRequest;
}

/** npm start from beginning to end. Gives the exit code. */
export async function run({ env, directory, say, stop }: RunOptions): Promise<0 | 1> {
  let installation: DevInstallation;
  try {
    installation = await startDevInstallation({ config: readConfig(env), env, directory, say, signal: stop.signal });
  } catch (error) {
    if (stop.signal.aborted) return 0;
    say(failureText(error));
    return 1;
  }
  say(greeting({ ...installation, topics: TOPICS }));
  await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
  say('Stopping: edges, control-api, Redis …');
  await installation.stop();
  say('Stopped.');
  return 0;
}
