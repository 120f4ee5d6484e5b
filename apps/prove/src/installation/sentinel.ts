import { lineOf, spawnChild } from '@holdfast/local/child';
import { freePort } from '@holdfast/local/free-port';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A master that did not answer for so long is down: as short as Sentinel can tell from a pause. */
const DOWN_AFTER_MS = 1000;
const FAILOVER_TIMEOUT_MS = 10_000;
const READY_MS = 30_000;
/** Alone it is its own quorum. */
const QUORUM = 1;

export interface Sentinel {
  port: number;
  /** The name by which it watches the master. */
  name: string;
  stop: () => Promise<void>;
}

/** Starts a Sentinel that watches a master on 127.0.0.1. `directory` is for its configuration, which it rewrites. */
export async function startSentinel(binary: string, directory: string, masterPort: number): Promise<Sentinel> {
  const name = 'prove';
  const port = await freePort();
  const file = join(directory, 'sentinel.conf');
  const configuration = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor ${name} 127.0.0.1 ${masterPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${name} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${name} ${FAILOVER_TIMEOUT_MS}`,
  ];
  await writeFile(file, `${configuration.join('\n')}\n`);
  const child = await spawnChild({
    command: binary,
    args: [file, '--sentinel'],
    env: { PATH: process.env['PATH'] },
    will: { script: 'kill -KILL "$1"' },
  });
  await lineOf(child, 'the Sentinel', READY_MS, (line) => line.includes('+monitor master') || undefined);
  return {
    port,
    name,
    stop: async () => {
      child.kill('SIGKILL');
      await child.exited;
    },
  };
}
