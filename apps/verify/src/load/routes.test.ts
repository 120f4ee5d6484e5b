import { expect, it } from 'vitest';
import { newRun } from './identity.ts';
import { routeTo, sourceAddresses } from './routes.ts';

const NOTHING = { resume: false, presence: false };

it('a process has an address of its own for every 3,000 connections', () => {
  const run = newRun();
  const [first, second] = [sourceAddresses(run, 0, 12_000), sourceAddresses(run, 1, 12_000)];
  expect(new Set([...first, ...second]).size).toBe(8);
  for (const address of [...first, ...second]) {
    expect(address).toMatch(/^127\.\d+\.\d+\.\d+$/);
    expect(address).not.toMatch(/^127\.0\./);
  }
  expect(sourceAddresses(run, 0, 1).length).toBe(1);
});

it('the last process that may be started still has valid addresses', () => {
  for (const address of sourceAddresses({ id: 'ffff0000', secret: '' }, 249, 12_000)) {
    for (const part of address.split('.')) expect(Number(part)).toBeLessThan(256);
  }
});

it('an edge on a loopback address is reached from one of ours, in turn', () => {
  const sources = ['127.9.1.1', '127.9.1.2'];
  const routes = [0, 1, 2].map((connection) => routeTo('ws://127.0.0.5:7701', sources, connection, NOTHING));
  expect(routes[0]).toMatchObject({ host: '127.0.0.5', port: 7701, tls: false, path: '/v1/connect' });
  const isLinux = process.platform === 'linux';
  expect(routes.map((route) => route.localAddress)).toEqual(
    isLinux ? ['127.9.1.1', '127.9.1.2', '127.9.1.1'] : [undefined, undefined, undefined],
  );
});

it('any other edge is reached from where the system likes', () => {
  const route = routeTo('wss://push.example.org/eu/', ['127.9.1.1'], 0, { ...NOTHING, resume: true });
  expect(route).toEqual({ host: 'push.example.org', port: 443, tls: true, path: '/eu/v1/connect?resume=1' });
  expect(routeTo('ws://[::1]:7701', ['127.9.1.1'], 0, NOTHING)).toMatchObject({ host: '::1', port: 7701 });
  expect(routeTo('ws://127.example.org', ['127.9.1.1'], 0, NOTHING).localAddress).toBeUndefined();
});

it('a connection asks for what it wants', () => {
  const paths = [false, true].map((resume) => routeTo('ws://127.0.0.1', [], 0, { resume, presence: true }).path);
  expect(paths).toEqual(['/v1/connect?presence=1', '/v1/connect?resume=1&presence=1']);
});
