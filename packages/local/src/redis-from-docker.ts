import { join } from 'node:path';
import { exitCleanUp } from './exit-clean-up.ts';
import { REDIS_SETTINGS } from './redis-server.ts';
import { repositoryRoot } from './repository-root.ts';
import { runCommand } from './run-command.ts';

/** The oldest release line that still gets fixes and is new enough for sharded pub/sub; alpine, because it is small. */
const IMAGE = 'redis:7.4-alpine';
const REDIS_PORT = 6379;
/** A project of its own, so that an installation somebody runs by `docker compose up` here is left alone. */
const COMPOSE_PROJECT = 'holdfast-dev';
const COMPOSE = [
  'compose',
  `--project-name=${COMPOSE_PROJECT}`,
  `--file=${join(repositoryRoot, 'docker-compose.yml')}`,
  `--file=${join(repositoryRoot, 'packages/local/compose.redis-port.yml')}`,
];

export interface DockerRedis {
  url: string;
  what: string;
  stop: () => Promise<void>;
}

type Missing = { missing: string };

/** A container of testcontainers, whose own reaper removes it should we die. For tests. */
export async function redisFromTestcontainers(args: readonly string[]): Promise<DockerRedis | Missing> {
  // Loaded only here: it costs half a second, and most machines never come this far.
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
  } catch (error) {
    return { missing: `no Docker engine answers (${error instanceof Error ? error.message : String(error)})` };
  }
  const container = await new GenericContainer(IMAGE)
    .withCommand(['redis-server', '--protected-mode', 'no', ...REDIS_SETTINGS, ...args])
    .withExposedPorts(REDIS_PORT)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(REDIS_PORT)}`,
    what: `a container of ${IMAGE}`,
    stop: async () => {
      await container.stop();
    },
  };
}

/** The `redis` of the repository's compose file. For development. */
export async function redisFromCompose(
  env: Readonly<Record<string, string | undefined>>,
): Promise<DockerRedis | Missing> {
  const engine = await runCommand('docker', ['info', '--format', '{{.ServerVersion}}'], env);
  if (engine.code !== 0) return { missing: 'no Docker engine answers' };
  const up = await runCommand('docker', [...COMPOSE, 'up', '--detach', '--wait', 'redis'], env);
  if (up.code !== 0) return { missing: `docker compose could not start it: ${up.printed}` };
  const revokeCleanUp = exitCleanUp('docker "$@"', [...COMPOSE, 'down', '--volumes']);
  const stop = async () => {
    const down = await runCommand('docker', [...COMPOSE, 'down', '--volumes'], env);
    revokeCleanUp();
    if (down.code !== 0) throw new Error(`docker compose could not stop Redis: ${down.printed}`);
  };
  const port = await runCommand('docker', [...COMPOSE, 'port', 'redis', String(REDIS_PORT)], env);
  if (port.code !== 0) {
    await stop();
    return { missing: `docker compose gave Redis no port: ${port.printed}` };
  }
  return { url: `redis://${port.output}`, what: 'redis of docker-compose.yml', stop };
}
