import { closeCodes } from '@holdfast/protocol/close-codes';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Act, CLIENTS, type Handshake, TOPICS, OwnershipHistory } from '../testing/ownership-history.ts';
import { turns } from '../testing/turns.ts';

const RUNS = 600;

const index = fc.nat({ max: 11 });
const client = fc.oneof({ weight: 4, arbitrary: fc.constant('c0') }, { weight: 1, arbitrary: fc.constant('c1') });
const topic = fc.constantFrom(...TOPICS);
const call = fc.constantFrom('claim' as const, 'release', 'all');
const ordinary = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('claim' as const, 'connect'), client, index }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('close' as const, 'cut'), index }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('open' as const), index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('abandon' as const, 'beat'), index }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('compare' as const), index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('hold' as const, 'deliver'), call }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('disconnect' as const), client }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('subscribe' as const, 'unsubscribe'), client, topic }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('publish' as const), topic }) },
);
const fault = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('lose-wake-ups' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('mark-gone' as const), index }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'lose-answers' as const,
        'refuse-releases',
        'delay',
        'arrive',
        'away',
        'work',
        'snapshot',
        'restore',
      ),
    }),
  },
);
const act = fc.oneof({ weight: 3, arbitrary: ordinary }, { weight: 1, arbitrary: fault });
/** With how many turns of the event loop follow it: an answer takes one. */
interface Step {
  act: Act;
  turns: number;
}
const step: fc.Arbitrary<Step> = fc.record({ act, turns: fc.nat({ max: 4 }) });
const histories = fc.array(step, { minLength: 4, maxLength: 30, size: 'max' });

/** The first edge is not notified that the second one has the client by now. */
const UNAWARE: readonly Step[] = [
  { act: { do: 'connect', client: 'c0', index: 0 }, turns: 8 },
  { act: { do: 'lose-wake-ups' }, turns: 0 },
  { act: { do: 'connect', client: 'c0', index: 1 }, turns: 8 },
];

/** Besides, a third handshake is under way. */
const CONTESTED: readonly Step[] = [...UNAWARE, { act: { do: 'claim', client: 'c0', index: 1 }, turns: 4 }];
/** Besides, the edge of the newer one is late. */
const LATE: readonly Step[] = [...UNAWARE, { act: { do: 'mark-gone', index: 1 }, turns: 0 }];
/** The newer one is gone, and a handshake of the first edge got the client unawares, which cannot be released. */
const UNDONE: readonly Step[] = [
  ...UNAWARE,
  { act: { do: 'close', index: 1 }, turns: 4 },
  { act: { do: 'lose-answers' }, turns: 0 },
  { act: { do: 'refuse-releases' }, turns: 0 },
  { act: { do: 'claim', client: 'c0', index: 0 }, turns: 8 },
];

const isOpen = ({ made, endedItself }: Handshake): boolean =>
  made !== null && made.socket.closed === null && !endedItself;
const codeOf = ({ made }: Handshake): number | undefined => made?.socket.closed?.code;

/**
 * Whether a newer connection of the client has come; or, on a Redis that has lost who owns the client, a newer handshake,
 * which got it at once and may have failed.
 */
function isReplaceable({ handshakes, hasLost }: OwnershipHistory, handshake: Handshake): boolean {
  const newer = handshakes.slice(handshakes.indexOf(handshake) + 1);
  return newer.some(
    ({ clientId, made, claim }) =>
      clientId === handshake.clientId && (made !== null || (hasLost && claim?.isOwner !== false)),
  );
}

function checkReplaced(history: OwnershipHistory): void {
  for (const handshake of history.handshakes) {
    if (codeOf(handshake) !== closeCodes.replaced.code) continue;
    expect(isReplaceable(history, handshake), `${handshake.claim?.generation} was replaced by no newer one`).toBe(true);
  }
}

async function checkClient(history: OwnershipHistory, clientId: string): Promise<void> {
  const { redis, edges, handshakes } = history;
  const opened = handshakes.filter((handshake) => handshake.clientId === clientId && handshake.made !== null);
  const open = opened.filter(isOpen);
  expect(open.length).toBeLessThanOrEqual(1);
  const newest = opened.at(-1);
  if (newest && !isOpen(newest) && !newest.endedItself && !isReplaceable(history, newest)) {
    expect(codeOf(newest)).toBe(closeCodes.disconnected.code);
  }
  for (const code of opened.map(codeOf)) {
    expect([undefined, closeCodes.replaced.code, closeCodes.disconnected.code]).toContain(code);
  }

  const { owner, goneOwner, disconnectUpTo, topics } = redis.client(clientId);
  const [only] = open;
  if (!only?.made) {
    // A Redis that has lost a release names an owner that has ended.
    if (!history.hasLost) expect([owner, goneOwner]).toEqual([null, undefined]);
    return;
  }
  const { connection, socket } = only.made;
  expect(connection.suspended).toBe(false);
  const edge = edges[only.at % edges.length];
  expect(owner).toEqual({ edge: edge?.id, generation: connection.generation });
  expect(disconnectUpTo).toBeLessThan(connection.generation);
  for (const name of TOPICS) {
    const id = redis.publish(name, '2');
    await edge?.settled();
    expect(socket.idsOf(name).filter((one) => one === id)).toHaveLength(topics.has(name) ? 1 : 0);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function play(edges: number, steps: readonly Step[]): Promise<OwnershipHistory> {
  const history = new OwnershipHistory(edges);
  for (const { act: one, turns: count } of steps) {
    history.perform(one);
    await turns(count);
    checkReplaced(history);
  }
  await history.end();
  return history;
}

async function check(history: OwnershipHistory): Promise<void> {
  expect(await history.callsAtRest()).toBe(0);
  checkReplaced(history);
  for (const clientId of CLIENTS) await checkClient(history, clientId);
}

it('whatever fails, the newest connection of a client is open, follows it, and owns it, and no other', async () => {
  const first = fc.constantFrom([], UNAWARE, CONTESTED, CONTESTED, LATE, UNDONE);
  const property = fc.asyncProperty(fc.constantFrom(2, 3), first, histories, async (edges, before, steps) => {
    const history = await play(edges, [...before, ...steps]);
    await history.heal();
    await check(history);
  });
  await expect(fc.assert(property, { numRuns: RUNS })).resolves.toBeUndefined();
});
