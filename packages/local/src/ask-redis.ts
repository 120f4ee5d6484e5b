import { Redis } from 'ioredis';

const CONNECT_MS = 3000;
const ANSWER_MS = 5000;

/** Sends one command on a connection of its own. Rejects when Redis is away or refuses. */
export async function askRedis(url: string, command: string, ...args: (string | number)[]): Promise<unknown> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: ANSWER_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    // Whoever runs it on this machine made its certificate as well.
    ...(url.startsWith('rediss:') ? { tls: { rejectUnauthorized: false } } : {}),
  });
  // Why it could not connect; the rejection says only that it did not.
  let reason: Error | undefined;
  redis.on('error', (error: Error) => (reason = error));
  try {
    await redis.connect().catch((error: unknown) => {
      throw reason ?? error;
    });
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
  }
}

/** A field of INFO, as text. Rejects as {@link askRedis} does, and when there is no such field. */
export async function redisInfo(url: string, field: string): Promise<string> {
  const text = String(await askRedis(url, 'INFO', 'everything'));
  const line = text.split('\r\n').find((candidate) => candidate.startsWith(`${field}:`));
  if (line === undefined) throw new Error(`INFO has no ${field}`);
  return line.slice(field.length + 1);
}
