import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { temporaryDirectory } from './temporary-directory.ts';

const ARGS = ['--appendonly', 'yes', '--appendfsync', 'always'];

/** A Redis that has on disk whatever it has answered. */
export interface DurableRedis extends AsyncDisposable {
  readonly url: string;
  /** SIGKILL. */
  readonly kill: () => Promise<void>;
  /** Where it was, with its data. */
  readonly startAgain: () => Promise<void>;
}

/** Starts one of the test's own. `await using` it. */
export async function startDurableRedis(): Promise<DurableRedis> {
  await using started = new AsyncDisposableStack();
  const { path: directory } = started.use(await temporaryDirectory());
  let redis = await startPrivateRedis({ directory, args: ARGS });
  started.defer(() => redis.stop());
  const running = started.move();
  return {
    url: redis.url,
    kill: () => redis.kill(),
    startAgain: async () => {
      redis = await startPrivateRedis({ directory, args: ARGS, port: redis.port });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
