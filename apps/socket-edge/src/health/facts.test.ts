import { systemFacts } from '@holdfast/service/system-facts';
import { expect, it, vi } from 'vitest';
import { edgeFacts } from './facts.ts';

const config = { EDGE_HEARTBEAT: 25_000, EDGE_ALLOWED_ORIGINS: undefined, EDGE_TRUSTED_PROXIES: undefined };

it('says what is set, and whose pages may connect', () => {
  const facts = edgeFacts(config, false)();
  expect(facts).toMatchObject({ pid: process.pid, worker: false, heartbeatMs: 25_000, trustedProxies: false });
  expect(facts.version).toMatch(/^\d+\.\d+\.\d+/);
  const originsOf = (origins: string[] | undefined) =>
    edgeFacts({ ...config, EDGE_ALLOWED_ORIGINS: origins }, false)().origins;
  expect([undefined, ['*'], ['https://a.example']].map(originsOf)).toEqual(['not-set', 'any', 'listed']);
});

it('gives the same object until a figure of the kernel changes, which it looks at now and then', () => {
  let [now, conntrackCount] = [0, 1];
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const facts = edgeFacts(config, true, () => ({ ...systemFacts(() => ''), conntrackCount }));
  const first = facts();
  now += 31_000;
  expect(facts()).toBe(first);
  conntrackCount = 2;
  expect(facts()).toBe(first);
  now += 31_000;
  expect(facts().system.conntrackCount).toBe(2);
  vi.restoreAllMocks();
});
