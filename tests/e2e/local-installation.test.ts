import { existsSync } from 'node:fs';
import { startInstallation } from '@holdfast/local/installation';
import { isAlive } from '@holdfast/local/is-alive';
import { childrenOf, commandOf } from '@holdfast/testkit/processes';
import { redisUrl } from '@holdfast/testkit/redis';
import { call } from '@holdfast/testkit/rest';
import { openSocket } from '@holdfast/testkit/socket';
import { expect, it } from 'vitest';

const quiet = () => undefined;

it('an installation of several control-apis and edges works as one, and leaves nothing when it is stopped', async () => {
  const installation = await startInstallation({
    edges: 2,
    controls: 2,
    redis: { url: redisUrl() },
    announce: quiet,
  });
  const { controlUrls, edgeUrls, key, keysFile } = installation;
  const services = [...installation.controls, ...installation.edges];
  expect(controlUrls).toHaveLength(2);
  const [one = '', two = ''] = controlUrls;
  expect((await call(one, 'PUT', '/v1/topics/chat', { key })).status).toBe(201);
  const registered = await call<{ clientId: string; connect: { urls: string[] } }>(two, 'POST', '/v1/clients', {
    key,
    body: { topics: ['chat'] },
  });
  expect(registered.status).toBe(201);
  expect(registered.body.connect.urls.map((url) => new URL(url).host).toSorted()).toEqual(
    edgeUrls.map((url) => new URL(url).host).toSorted(),
  );
  const socket = await openSocket(edgeUrls[1] ?? '', { client: registered.body.clientId });
  await socket.next('welcome');
  expect((await call(one, 'POST', '/v1/topics/chat/messages', { key, body: { n: 1 } })).status).toBe(202);
  expect(await socket.next('message')).toMatchObject({ topic: 'chat', data: { n: 1 } });

  await installation.stop();
  expect((await socket.closed).code).toBe(1012);
  expect(services.map(({ pid }) => isAlive(pid))).toEqual([false, false, false, false]);
  expect(await Promise.all(services.map((service) => service.exited))).toEqual(
    services.map(() => ({ code: 0, signal: null })),
  );
  expect(existsSync(keysFile)).toBe(false);
});

it('an installation of which a part cannot start is ended again, and says what that part printed', async () => {
  const failing = startInstallation({
    edges: 1,
    redis: { url: redisUrl() },
    env: { EDGE_DRAIN_SECONDS: 'soon' },
    announce: quiet,
  });
  await expect(failing).rejects.toThrow(/socket-edge ended at once.*EDGE_DRAIN_SECONDS/s);
  // control-api did start.
  expect(
    childrenOf(process.pid)
      .map(commandOf)
      .filter((command) => command.includes('control-api')),
  ).toEqual([]);
});
