import { bringPackage } from './distribution-package.ts';
import { findOnPath } from './find-on-path.ts';
import { redisFromCompose, redisFromTestcontainers } from './redis-from-docker.ts';
import { type RedisServer, type RedisServerOptions, redisFault, startRedisServer } from './redis-server.ts';

/** The programs, and the packages that have them. */
const PROGRAMS = ['redis-server', 'valkey-server'] as const;

export type RedisSource = 'REDIS_URL' | 'PATH' | 'package' | 'docker';

export interface FoundRedis {
  readonly url: string;
  readonly source: RedisSource;
  /** The process, when it is one of ours: for whoever keeps it running. */
  readonly server?: RedisServer;
  /** Ends what was started for us, and only that. */
  readonly stop: () => Promise<void>;
}

export interface FindRedisOptions {
  /** Takes the one line that names the choice, and a line before an installation, which takes a while. */
  announce: (line: string) => void;
  /** Default: `process.env`. REDIS_URL and PATH are looked at. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Where a Redis we start keeps its files; default: a temporary directory, removed by `stop`. */
  directory?: string;
  /** More settings of a Redis we start. */
  args?: readonly string[];
  /** How a Docker engine is asked; default `testcontainers`. `compose` takes `redis` of docker-compose.yml. */
  container?: 'testcontainers' | 'compose';
  /** Whether we may call apt-get without sudo; default: as this process may. */
  isRoot?: boolean;
}

/** No Redis was found, and none could be brought. The message says what to install, and why each way failed. */
export class NoRedis extends Error {
  readonly code = 'no-redis';

  constructor(reasons: readonly string[]) {
    super(
      'No Redis was found, and none could be brought. Install redis-server 7.0 or newer, or valkey-server ' +
        '(Debian: apt-get install redis-server), or set REDIS_URL.\n' +
        reasons.map((reason) => `  - ${reason}`).join('\n'),
    );
    this.name = 'NoRedis';
  }
}

/**
 * Finds a Redis or brings one, in this order: REDIS_URL (taken at its word); `redis-server` or `valkey-server` on PATH,
 * started on a free port; the distribution's package, then as before; a Docker engine. Rejects with {@link NoRedis}.
 */
export async function findOrBringRedis(options: FindRedisOptions): Promise<FoundRedis> {
  const reasons: string[] = [];
  for (const way of [fromEnvironment, fromPath, fromPackage, fromDocker]) {
    const result = await way(options);
    if (!('missing' in result)) return result;
    reasons.push(result.missing);
  }
  throw new NoRedis(reasons);
}

/**
 * The program of a Redis on this machine, for whoever runs several: found on PATH, or brought by the distribution's
 * package. Rejects with {@link NoRedis}: one in a container cannot be stopped by a signal.
 */
export async function redisProgram(options: Pick<FindRedisOptions, 'announce' | 'env' | 'isRoot'>): Promise<string> {
  const found = await usableProgram(environmentOf(options)['PATH']);
  if ('program' in found) return found.program;
  const brought = await programFromPackage(options);
  if ('program' in brought) return brought.program;
  throw new NoRedis([found.missing, brought.missing]);
}

type Way = (options: FindRedisOptions) => Promise<FoundRedis | { missing: string }>;

const fromEnvironment: Way = async (options) => {
  const url = environmentOf(options)['REDIS_URL'];
  if (url === undefined || url === '') return { missing: 'REDIS_URL is not set' };
  options.announce(`Redis: ${withoutPassword(url)}, from REDIS_URL`);
  return { url, source: 'REDIS_URL', stop: async () => undefined };
};

const fromPath: Way = async (options) => {
  const found = await usableProgram(environmentOf(options)['PATH']);
  if ('missing' in found) return found;
  return startFound(options, found.program, 'PATH');
};

const fromPackage: Way = async (options) => {
  const found = await programFromPackage(options);
  return 'missing' in found ? found : startFound(options, found.program, 'package');
};

async function programFromPackage(
  options: Pick<FindRedisOptions, 'announce' | 'env' | 'isRoot'>,
): Promise<{ program: string } | { missing: string }> {
  const brought = await bringPackage({
    what: 'Redis',
    packages: PROGRAMS,
    env: environmentOf(options),
    isRoot: options.isRoot ?? process.getuid?.() === 0,
    announce: options.announce,
  });
  if ('missing' in brought) return brought;
  const found = await usableProgram(brought.path);
  return 'program' in found ? found : { missing: `after apt-get installed the package, ${found.missing}` };
}

const fromDocker: Way = async (options) => {
  const found =
    options.container === 'compose'
      ? await redisFromCompose(environmentOf(options))
      : await redisFromTestcontainers(options.args ?? []);
  if ('missing' in found) return found;
  options.announce(`Redis: ${found.what}, on ${found.url}`);
  return { url: found.url, source: 'docker', stop: found.stop };
};

function environmentOf(options: Pick<FindRedisOptions, 'env'>): Readonly<Record<string, string | undefined>> {
  return options.env ?? process.env;
}

/** The first program on PATH that is new enough. */
export async function usableProgram(path: string | undefined): Promise<{ program: string } | { missing: string }> {
  const faults: string[] = [];
  for (const name of PROGRAMS) {
    const program = await findOnPath(name, path);
    if (program === null) continue;
    const fault = await redisFault(program);
    if (fault === null) return { program };
    faults.push(fault);
  }
  return { missing: faults.length > 0 ? faults.join(', ') : `neither ${PROGRAMS.join(' nor ')} is on PATH` };
}

async function startFound(options: FindRedisOptions, binary: string, source: RedisSource): Promise<FoundRedis> {
  const settings: RedisServerOptions = { binary };
  if (options.directory !== undefined) settings.directory = options.directory;
  if (options.args !== undefined) settings.args = options.args;
  const server = await startRedisServer(settings);
  const origin = source === 'PATH' ? 'found on PATH' : "from the distribution's package";
  options.announce(`Redis: ${binary}, ${origin}, started on ${server.url}`);
  return { url: server.url, source, server, stop: () => server.stop() };
}

/** A URL as it may be printed. What does not parse is not printed: a password may stand anywhere in it. */
function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return 'an address that is not a URL';
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = '***';
  return parsed.href;
}
