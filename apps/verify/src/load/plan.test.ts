import { describe, expect, it } from 'vitest';
import { checkPlan, command, type Typed, typedOptions } from './plan.ts';

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
      presence: null,
    },
  });
  expect(checkPlan(right)).toMatchObject({ plan: { redis: 'single' } });
  const attached = checkPlan({ ...right, control: 'https://push.example.org/', key: 'load.secret' });
  expect(attached).toMatchObject({
    plan: { installation: { controlUrl: 'https://push.example.org/', key: 'load.secret' } },
  });
});

it('takes a run of presence, which has one topic', () => {
  expect(checkPlan({ ...right, presence: true, clients: '20', churn: '7.5', watchers: '3' })).toMatchObject({
    plan: { clients: 20, topics: 1, topicsPerClient: 1, presence: { churn: 7.5, watchers: 3 } },
  });
  expect(checkPlan({ ...right, presence: true })).toMatchObject({ plan: { presence: { churn: 100, watchers: 50 } } });
  expect(checkPlan({ ...right, presence: true, clients: '20' })).toMatchObject({
    plan: { presence: { watchers: 19 } },
  });
});

it('knows what was typed from what is a default', () => {
  const parsed = command().parse(['--presence', '--rate', '10'], { from: 'user' });
  expect(checkPlan(typedOptions(parsed))).toEqual({ ok: false, faults: [expect.stringMatching(/^--rate: /)] });
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
    ['clients', { presence: true, clients: '20001' }],
    ['rate', { presence: true, given: ['rate'] }],
    ['subscriptions-per-client', { presence: true, given: ['subscriptionsPerClient'] }],
    ['churn', { presence: true, churn: '0' }],
    ['churn', { churn: '5' }],
    ['watchers', { presence: true, watchers: '1.5' }],
    ['watchers', { presence: true, watchers: '10000' }],
    ['watchers', { presence: true, clients: '1' }],
    ['watchers', { watchers: '5' }],
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
