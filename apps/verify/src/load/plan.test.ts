import { describe, expect, it } from 'vitest';
import { checkPlan, type Typed } from './plan.ts';

const right: Typed = {
  clients: '10000',
  topics: '20',
  subscriptionsPerClient: '2',
  rate: '50',
  seconds: '20',
  size: '150',
  seed: '1',
};

function faultsOf(changes: Partial<Typed>): string[] {
  const checked = checkPlan({ ...right, ...changes });
  return checked.ok ? [] : checked.faults;
}

it('takes what is right', () => {
  expect(checkPlan({ ...right, rate: '0.5', edges: '3', redis: 'cluster', json: true })).toEqual({
    ok: true,
    plan: {
      clients: 10_000,
      topics: 20,
      topicsPerClient: 2,
      rate: 0.5,
      seconds: 20,
      size: 150,
      seed: 1,
      json: true,
      installation: null,
      edges: 3,
      redis: 'cluster',
    },
  });
  expect(checkPlan(right)).toMatchObject({ plan: { redis: 'single' } });
  const attached = checkPlan({ ...right, control: 'https://push.example.org/', key: 'load.secret' });
  expect(attached).toMatchObject({
    plan: { installation: { controlUrl: 'https://push.example.org/', key: 'load.secret' } },
  });
});

describe('names', () => {
  it.each([
    ['clients', { clients: '0' }],
    ['clients', { clients: 'many' }],
    ['clients', { clients: '1.5' }],
    ['clients', { clients: ' ' }],
    ['topics', { topics: '-1' }],
    ['rate', { rate: '0' }],
    ['rate', { rate: 'NaN' }],
    ['seconds', { seconds: 'Infinity' }],
    ['size', { size: '65537' }],
    ['size', { size: '10' }],
    ['seed', { seed: '1e400' }],
    ['subscriptions-per-client', { subscriptionsPerClient: '21' }],
    ['edges', { edges: '0' }],
    ['edges', { edges: '2', control: 'http://127.0.0.1:7700', key: 'a.b' }],
    ['redis', { redis: 'some' }],
    ['redis', { redis: 'cluster', control: 'http://127.0.0.1:7700', key: 'a.b' }],
    ['key', { control: 'http://127.0.0.1:7700' }],
    ['key', { control: 'http://127.0.0.1:7700', key: 'no-dot' }],
    ['control', { key: 'a.b' }],
    ['control', { control: 'localhost:7700', key: 'a.b' }],
    ['control', { control: 'not a url', key: 'a.b' }],
  ])('--%s when it is wrong: %o', (option, changes) => {
    expect(faultsOf(changes)).toEqual([expect.stringMatching(`^--${option}: `)]);
  });

  it('every fault at once', () => {
    const faults = faultsOf({ clients: 'x', rate: 'y', key: 'z' });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual(['--clients', '--rate', '--key', '--control']);
  });

  it('no key that it was given', () => {
    expect(faultsOf({ control: 'http://127.0.0.1', key: 'classified without form' }).join()).not.toContain(
      'classified',
    );
  });
});
