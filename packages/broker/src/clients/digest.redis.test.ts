import { describe, expect, test } from 'vitest';
import type { ClaimOutcome, Renewal } from '../broker.ts';
import { type ClientIdentity, NO_IDENTITY } from './identity.ts';
import { connect, openBroker, someone, stateOf } from '../testing/brokers.ts';
import { someKey } from '../testing/intent-log.ts';

const { redis, keys, control, edge } = await openBroker();

/** A connected client, and what its connection knows of it: `look` compares that with what Redis has. */
async function connected() {
  const client = someone({ key: someKey(), name: 'bob', topics: new Map([['news', '5-0 7']]) });
  const { clientId } = client;
  await control.register(client, null);
  const outcome = await edge.claim({ clientId, edge: 'e1' });
  if (outcome.kind !== 'claimed') throw new Error('not claimed');
  const { generation, digest } = outcome;
  const look = (known = digest, own = generation): Promise<ClaimOutcome> =>
    edge.claim({ clientId, edge: 'e1', generation: own, digest: known });
  return { clientId, generation, digest, look };
}

const renewal = (token: { expiresAt: number; issuedAt: number }, identity: Partial<ClientIdentity> = {}): Renewal => ({
  identity: { ...NO_IDENTITY, ...identity, token: { ...token, topics: [] } },
  topics: new Map(),
  endsAt: new Map(),
});

const digestOf = (outcome: ClaimOutcome) => ('digest' in outcome ? outcome.digest : 0);

describe('a connection that has the state', () => {
  test('gets the answer that nothing has changed, as often as it asks, and changes nothing', async () => {
    const { clientId, look, digest } = await connected();
    const before = await redis.dumpBuffer(keys.client(clientId));
    expect(digest).toBeGreaterThan(0);
    for (let time = 0; time < 3; time += 1) expect(await look()).toEqual({ kind: 'unchanged' });
    expect(await redis.dumpBuffer(keys.client(clientId))).toEqual(before);
  });

  test('has it still when only the owner has changed: by a take-over, a release, or because its edge was given up', async () => {
    const { clientId, look, digest } = await connected();
    const second = await connect(edge, clientId, 'e2');
    const lost = await look();
    expect(lost).toMatchObject({ kind: 'owned-by-other', digest });
    await edge.release(clientId, 'e2', second);
    const again = await look();
    expect(again).toMatchObject({ kind: 'claimed', digest });
    const third = again.kind === 'claimed' ? again.generation : 0;
    expect(await look(digest, third)).toEqual({ kind: 'unchanged' });
    await control.markOwnerGone(await stateOf(control, clientId));
    expect(await look(digest, third)).toMatchObject({ kind: 'claimed', digest, generation: third });
    expect(await look(digest, third)).toEqual({ kind: 'unchanged' });
  });

  test('gets it with another digest after every kind of change, and no change with that digest', async () => {
    const { clientId, look, digest } = await connected();
    const changes: Record<string, () => Promise<unknown>> = {
      subscribe: () => control.changeTopics(clientId, { add: new Map([['sport', '6-0 8']]) }),
      'unsubscribe without a range': () => control.changeTopics(clientId, { remove: ['sport'] }),
      'subscribe from another start': () =>
        control.changeTopics(clientId, { remove: ['news'], add: new Map([['news', '5-1 7']]) }),
      'subscribe to another incarnation': () =>
        control.changeTopics(clientId, { remove: ['news'], add: new Map([['news', '5-1 9']]) }),
      'close a range': () => control.changeTopics(clientId, { remove: ['news'], endsAt: new Map([['news', '6-0']]) }),
      'acknowledge the range': async () => edge.acknowledgeRanges(...(await closedOf(clientId))),
      disconnect: () => control.disconnect(clientId),
      'publish to the client': () => control.publishToClient(clientId, Buffer.from('1')),
      'renew with the token of another time': () =>
        control.renew(clientId, renewal({ expiresAt: 2e12, issuedAt: 1e12 })),
      'renew with what it may do': () =>
        control.renew(clientId, renewal({ expiresAt: 2e12, issuedAt: 1e12 }, { may: {} })),
      'revoke its token': () => control.revokeClient(clientId, 1e12 + 1),
      'publish to the client once more': () => control.publishToClient(clientId, Buffer.from('2')),
    };
    const digests = [digest];
    for (const [name, change] of Object.entries(changes)) {
      const known = digests.at(-1);
      expect({ before: name, outcome: await look(known) }).toEqual({ before: name, outcome: { kind: 'unchanged' } });
      await change();
      const outcome = await look(known);
      const client = await stateOf(control, clientId);
      expect({ after: name, outcome }).toMatchObject({ after: name, outcome: { kind: 'claimed', client } });
      expect({ after: name, digest: digestOf(outcome) }).not.toEqual({ after: name, digest: known });
      digests.push(digestOf(outcome));
    }
    expect(await look(digests.at(-1))).toEqual({ kind: 'unchanged' });
    // The state without "sport" is that of the beginning.
    expect(digests[2]).toBe(digest);
  });

  test('of another registration of the same id never gets the answer that nothing has changed', async () => {
    const { clientId, look } = await connected();
    const client = await stateOf(control, clientId);
    await control.unregister(clientId);
    await control.register(client, null);
    expect(await look()).toMatchObject({ kind: 'claimed' });
  });
});

async function closedOf(clientId: string) {
  const client = await stateOf(control, clientId);
  return [client, client.closed] as const;
}
