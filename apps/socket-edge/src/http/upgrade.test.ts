import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { NO_IDENTITY } from '@holdfast/broker/client-state';
import type { ProblemCode } from '@holdfast/protocol/problems';
import { SUBPROTOCOL } from '@holdfast/protocol/version';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RefusalLimit } from './refusal.ts';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { upgradeHandler } from './upgrade.ts';
import { createSocketServer } from '../transport/ws-transport.ts';

const FIRST = '00000000-0000-4000-8000-000000000001';
const SECOND = '00000000-0000-4000-8000-000000000002';
const LIMITS = { framesPerSecond: 100, bytesPerSecond: 100_000 };
/** Longer than one batch of claims is waited for. */
const LATER_MS = 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function installation(options: Partial<Parameters<typeof upgradeHandler>[0]> = {}) {
  const redis = new MemoryRedis();
  const edge = memoryEdge(redis);
  for (const client of [FIRST, SECOND]) redis.register(client);
  await edge.beat();
  const upgrade = upgradeHandler({
    edge: edge.edge,
    sockets: createSocketServer(LIMITS),
    limit: new RefusalLimit(),
    allowedOrigins: [],
    directWrites: false,
    addressOf: () => '',
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  return {
    redis,
    edge,
    /** A good handshake, as Node hands it over. */
    handshake: (clientId: string) => {
      const socket = new Socket();
      const request = new IncomingMessage(socket);
      request.method = 'GET';
      request.url = `/?client=${clientId}`;
      request.headers = {
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        'sec-websocket-protocol': SUBPROTOCOL,
      };
      return { socket, done: upgrade(request, socket, Buffer.alloc(0)) };
    },
  };
}

const claims = (redis: MemoryRedis) => redis.calls.filter((call) => call === 'claim').length;

describe('a client whose socket is gone', () => {
  it('before its turn is not claimed: it may be connected elsewhere by then', async () => {
    const { redis, edge, handshake } = await installation();
    const answer = redis.hold('claim');
    const first = handshake(FIRST);
    await edge.settled();
    const second = handshake(SECOND);
    await edge.settled();
    second.socket.destroy();
    vi.advanceTimersByTime(LATER_MS);
    await second.done;
    expect(claims(redis)).toBe(1);
    answer();
    await first.done;
    await edge.settled();
    expect(claims(redis)).toBe(1);
  });

  it('before the answer to its claim owns nothing', async () => {
    const { redis, edge, handshake } = await installation();
    const answer = redis.hold('claim');
    const { socket, done } = handshake(FIRST);
    await edge.settled();
    socket.destroy();
    expect(redis.client(FIRST).owner).not.toBeNull();
    answer();
    await done;
    await edge.settled();
    expect(redis.client(FIRST).owner).toBeNull();
    expect(edge.registry.size).toBe(0);
  });
});

function noAddress(): string {
  throw new Error('no address');
}

it('a handshake whose address cannot be looked up fails alone, and is answered', async () => {
  const limit = new RefusalLimit();
  vi.spyOn(limit, 'quiet', 'get').mockReturnValue(false);
  const onError = vi.fn<(error: unknown) => void>();
  const { handshake } = await installation({ limit, addressOf: noAddress, onError });
  await expect(handshake(FIRST).done).resolves.toBeUndefined();
  expect(onError).toHaveBeenCalledOnce();
});

it.each([
  ['token-expired', 1000],
  ['token-revoked', 1],
])('a client whose authorization has ended is refused before any upgrade: %s', async (code, expiresAt) => {
  const limit = new RefusalLimit();
  const { redis, edge, handshake } = await installation({ limit });
  redis.client(FIRST).identity = { ...NO_IDENTITY, token: { expiresAt, issuedAt: 500, topics: [] } };
  await handshake(FIRST).done;
  await edge.settled();
  expect(edge.refusals.get(code as ProblemCode)).toBe(1);
  // It is no fault of the address, behind which there may be other clients.
  expect(limit.quiet).toBe(true);
  expect(edge.registry.size).toBe(0);
  expect(redis.client(FIRST).owner).toBeNull();
});
