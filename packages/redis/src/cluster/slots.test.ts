import { describe, expect, test } from 'vitest';
import { SLOTS, endpointOf, mapOf, uncovered, viewOf } from './slots.ts';

const NODES = [
  'a 127.0.0.1:7000@17000 myself,master - 0 0 7 connected 0-99',
  'b 127.0.0.1:7001@17001 slave a 0 0 7 connected',
  'c 10.0.0.9:7002@17002,c.example master - 0 0 3 connected 100-16383',
].join('\n');

const slots = [
  [0, 99, ['127.0.0.1', 7000, 'a'], ['127.0.0.1', 7001, 'b']],
  [100, SLOTS - 1, ['c.example', 7002, 'c', ['ip', '10.0.0.9']]],
];

const view = (more: Partial<Parameters<typeof viewOf>[0]> = {}) =>
  viewOf({ slots, nodes: NODES, info: 'cluster_state:ok\r\n', askedAt: '10.9.9.9:1', ...more });

describe('what a node reports of its Cluster', () => {
  test('names masters with their slots and epochs, by the names that nodes want to be called by', () => {
    expect(view()).toEqual({
      claims: [
        { from: 0, to: 99, address: '127.0.0.1:7000', epoch: 7 },
        { from: 100, to: SLOTS - 1, address: 'c.example:7002', epoch: 3 },
      ],
      addresses: ['127.0.0.1:7000', '127.0.0.1:7001', 'c.example:7002'],
      isServing: true,
    });
  });

  test('means the host that was asked where a node does not know its own', () => {
    for (const host of [null, '', '?']) {
      expect(view({ slots: [[0, 1, [host, 7000, 'a']]] }).claims[0]).toMatchObject({ address: '10.9.9.9:7000' });
    }
  });

  test('is worth something where CLUSTER NODES and CLUSTER INFO are refused', () => {
    expect(view({ nodes: null, info: null })).toMatchObject({ isServing: true, claims: [{ epoch: 0 }, { epoch: 0 }] });
  });

  test('may be that it does not serve', () => {
    expect(view({ info: 'cluster_enabled:1\r\ncluster_state:fail\r\n' }).isServing).toBe(false);
  });
});

describe('what nodes say together', () => {
  const promoted = view({
    slots: [[0, 99, ['127.0.0.1', 7001, 'b']]],
    nodes: 'b 127.0.0.1:7001@17001 myself,master - 0 0 8 connected 0-99',
  });

  test.each([[[view(), promoted]], [[promoted, view()]]])(
    'goes by the latest epoch, whichever node is asked first',
    (views) => {
      const { owners } = mapOf(views);
      expect([owners[0], owners[99], owners[100]]).toEqual(['127.0.0.1:7001', '127.0.0.1:7001', 'c.example:7002']);
    },
  );

  test('is that the Cluster serves when one of them reports it', () => {
    const cutOff = view({ info: 'cluster_state:fail' });
    expect(mapOf([cutOff, view()]).isServing).toBe(true);
    expect(mapOf([cutOff]).isServing).toBe(false);
  });

  test('leaves out what no node serves', () => {
    const some = view({
      slots: [
        [1, 5, ['h', 1, 'a']],
        [7, SLOTS - 1, ['h', 1, 'a']],
      ],
    });
    expect(uncovered(mapOf([some]).owners)).toBe('0, 6');
    expect(uncovered(mapOf([view({ slots: [[0, 9, ['h', 1, 'a']]] })]).owners)).toBe(`10-${SLOTS - 1}`);
    expect(uncovered(mapOf([view()]).owners)).toBeNull();
  });
});

test('an address is taken apart, an IPv6 one too', () => {
  expect(endpointOf('::1:7000')).toEqual({ host: '::1', port: 7000 });
  expect(endpointOf('[::1]:7000')).toEqual({ host: '::1', port: 7000 });
  expect(endpointOf('redis.example:6379')).toEqual({ host: 'redis.example', port: 6379 });
});
