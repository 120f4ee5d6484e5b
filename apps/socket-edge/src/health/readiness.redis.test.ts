import { askRedis } from '@holdfast/local/ask-redis';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix } from '@holdfast/testkit/redis';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { call } from '@holdfast/testkit/rest';
import { openSocket, refusedHandshake } from '@holdfast/testkit/socket';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startControl } from '../testing/control.ts';
import { startEdge } from '../testing/running-edge.ts';

const SOME_HANDSHAKES = 20;

async function start(asUser?: string) {
  const server = await startPrivateRedis();
  const admin = (command: string, ...args: string[]) => askRedis(server.url, command, ...args);
  await admin('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
  const mine = prefix();
  const control = await startControl(server.url, mine);
  const redisUrl = asUser === undefined ? server.url : server.url.replace('redis://', `redis://${asUser}:secret@`);
  const edge = await startEdge({ redisUrl, prefix: mine });
  onTestFinished(async () => {
    await edge.stop();
    await control.stop();
    await server.stop();
  });
  const http = edge.url.replace('ws:', 'http:');
  const readiness = async () => {
    const { status, body } = await call(http, 'GET', '/readyz');
    return { status, lease: (body as { checks: Record<string, string> }).checks['lease'] };
  };
  await eventually(async () => expect(await readiness()).toEqual({ status: 200, lease: 'ok' }));
  return { admin, control, edge, readiness };
}

type Started = Awaited<ReturnType<typeof start>>;
const REFUSALS: [string, string | undefined, string, (s: Started) => unknown, (s: Started) => unknown][] = [
  [
    'has too few replicas',
    undefined,
    'NOREPLICAS Not enough good replicas to write.',
    ({ admin }) => admin('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    ({ admin }) => admin('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  ],
  [
    'is out of memory',
    undefined,
    'OOM command not allowed',
    ({ admin }) => admin('CONFIG', 'SET', 'maxmemory', '100kb'),
    ({ admin }) => admin('CONFIG', 'SET', 'maxmemory', '0'),
  ],
  [
    'became a replica',
    undefined,
    'READONLY',
    ({ admin }) => admin('REPLICAOF', '127.0.0.1', '1'),
    ({ admin }) => admin('REPLICAOF', 'NO', 'ONE'),
  ],
  [
    'does not let its user run scripts',
    'app',
    'NOPERM',
    ({ admin }) => admin('ACL', 'SETUSER', 'app', '-evalsha', '-eval'),
    ({ admin }) => admin('ACL', 'SETUSER', 'app', '+evalsha', '+eval'),
  ],
];

describe('an edge whose Redis answers and takes no writes', () => {
  it.each(REFUSALS)('because it %s is not ready, with the reason, which is logged once', async (...refusal) => {
    const [, user, reason, begin, end] = refusal;
    const started = await start(user);
    const { control, edge, readiness } = started;
    const socket = await openSocket(edge.url, { client: await control.register() });
    const client = await control.register();
    await begin(started);
    await eventually(async () => {
      const { status, lease } = await readiness();
      expect(lease).toContain(`Redis refuses writes: ${reason}`);
      expect(status).toBe(503);
    });
    const statuses = new Set<number>();
    for (let count = 0; count < SOME_HANDSHAKES; count += 1) {
      statuses.add(
        await refusedHandshake(edge.url, { client }).then(
          ({ status }) => status,
          () => 101,
        ),
      );
    }
    expect(statuses).toEqual(new Set([503]));
    const warnings = edge.log.lines.filter(({ level }) => level === 'warn' || level === 'error');
    expect(new Set(warnings.map(({ msg }) => msg))).toEqual(new Set(['redis refuses commands']));
    const reasons = warnings.map((line) => String(line['reason']));
    expect(reasons.filter((text) => text.includes(reason)).length).toBe(new Set(reasons).size);
    expect(reasons.length).toBe(new Set(reasons).size);

    await end(started);
    await eventually(async () => expect(await readiness()).toEqual({ status: 200, lease: 'ok' }), {
      timeoutMs: 20_000,
    });
    expect(edge.log.linesWith('lease renewed again')).toHaveLength(1);
    // The open connection has noticed nothing.
    socket.send({ type: 'ping' });
    expect(await socket.next('pong')).toBeDefined();
    await socket.close();
  });
});
