import { startRedisCluster } from '@holdfast/local/redis-cluster';
import { type TlsFiles, startRedisServer } from '@holdfast/local/redis-server';
import { startWatchedRedis } from '@holdfast/local/redis-sentinel';
import { startService } from '@holdfast/local/services';
import { makeCertificates } from './certificates.ts';
import { redisBinary } from '@holdfast/testkit/cluster-process';
import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBackend } from './backend.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';

const START_MS = 90_000;
const PASSWORD = 'p/w @1';
const LOGIN = `holdfast:${encodeURIComponent(PASSWORD)}@`;
/** As docs/operations.md has it for our services. */
const RIGHTS = [
  ['~hf-*', '&hf-*', '&__keyspace@0__:hf-*', '+@all', '-@dangerous', '+info'],
  ['+config|get', '+config|set', '+cluster|slots', '+cluster|nodes', '+cluster|info'],
].flat();
/** Each connection has a user; replicas have their own, and so has the set-up of a Cluster. */
const USERS = [
  ['--user', 'default', 'off'],
  ['--user', 'holdfast', 'on', `>${PASSWORD}`, ...RIGHTS],
  ['--user', 'operator', 'on', '>secret', '~*', '&*', '+@all'],
  ['--masteruser', 'operator', '--masterauth', 'secret'],
].flat();
const OPERATOR = 'operator:secret@';

interface SecureRedis {
  /** Where the services find it; the host and port of REDIS_URL count where nothing else is given. */
  env: Record<string, string>;
  /** `host:port` for REDIS_URL. */
  address: string;
  stop: () => Promise<void>;
}

async function single(binary: string, tls: TlsFiles): Promise<SecureRedis> {
  const server = await startRedisServer({ binary, tls, args: USERS });
  return { env: {}, address: `127.0.0.1:${server.port}`, stop: () => server.stop() };
}

async function cluster(binary: string, tls: TlsFiles): Promise<SecureRedis> {
  const { addresses, stop } = await startRedisCluster({ binary, tls, args: USERS, login: OPERATOR });
  return { env: { REDIS_CLUSTER_NODES: addresses }, address: 'any.example', stop };
}

async function sentinel(binary: string, tls: TlsFiles): Promise<SecureRedis> {
  const sentinelLines = ['sentinel auth-user NAME operator', 'sentinel auth-pass NAME secret'];
  const watched = await startWatchedRedis({ binary, tls, args: USERS, login: OPERATOR, sentinelLines });
  return { env: { ...watched.env }, address: 'any.example', stop: watched.stop };
}

describe.each([
  ['a single Redis', single, /certificate/i],
  ['a Cluster', cluster, /certificate/i],
  // ioredis does not say why it cannot talk to a Sentinel.
  ['a Redis behind Sentinels', sentinel, /All sentinels are unreachable/],
])('%s that speaks TLS and asks for a user and a password', (_, start, notTrusted) => {
  let directory: TemporaryDirectory;
  let tls: TlsFiles;
  let redis: SecureRedis;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    tls = await makeCertificates(directory.path);
    redis = await start(await redisBinary(), tls);
  }, START_MS);
  afterAll(async () => {
    await redis.stop();
    await directory[Symbol.asyncDispose]();
  });

  const environment = (login: string = LOGIN) => ({ REDIS_URL: `rediss://${login}${redis.address}`, ...redis.env });

  it('is used like one without TLS, by a user with no more rights than needed, and NODE_EXTRA_CA_CERTS names its authority', async () => {
    const env = { ...environment(), NODE_EXTRA_CA_CERTS: tls.ca };
    await using backend = await startBackend({ redis: { url: env.REDIS_URL }, env });
    await backend.topic('secure');
    const client = await backend.register(['secure']);
    const socket = await backend.connect(client, { edge: 1 });
    await socket.next('welcome');
    const id = await backend.publish('secure', { of: 'secrets' });
    expect(await socket.next('message')).toMatchObject({ topic: 'secure', id, data: { of: 'secrets' } });
    await backend.topic('later');
    await backend.call('POST', `/v1/clients/${client}/topics`, { body: { topics: ['later'] } });
    await socket.next('subscribed');
    for (const edge of backend.installation.edges) {
      await eventually(async () => expect((await fetch(`${edge.url}/readyz`)).status).toBe(200));
      expect(edge.lines().join('\n')).not.toContain('keyspace events are not available');
      expect(edge.lines().join('\n')).not.toContain(PASSWORD);
    }
    await socket.close();
  });

  it.each([
    ['of an authority that is not known', () => environment(), notTrusted],
    [
      'that refuses the password',
      () => ({ ...environment('holdfast:wrong@'), NODE_EXTRA_CA_CERTS: tls.ca }),
      /WRONGPASS/,
    ],
  ])('%s is waited for, with the reason in the log, and not ready', async (__, env, reason) => {
    const service = await startService({ app: 'control-api', env: { ...env(), CONTROL_PORT: '0' } });
    try {
      await eventually(() => expect(service.lines().join('\n')).toMatch(reason));
      expect((await fetch(`${service.url}/readyz`)).status).toBe(503);
    } finally {
      await service.stop();
    }
  });
});
