import { connect } from '@holdfast/client/connect';
import type { ClientEvents } from '@holdfast/client/events';
import { createRest } from '@holdfast/client/rest';
import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, it } from 'vitest';
import { startBackend } from './backend.ts';

/** As many as a client may have. */
const TOPICS = 1000;
const NAME_LENGTH = 60;
/** Calls of control-api at a time. */
const AT_ONCE = 20;
/** 1,000 topics are made, and all looked up at once, on a machine that runs other tests as well. */
const PATIENCE = { timeoutMs: 20_000 };

/** `topic-…-7`, of the length given. */
function longName(number: number): string {
  return `topic-${String(number).padStart(NAME_LENGTH - 'topic-'.length, '_')}`;
}

async function inBatches<T>(items: readonly T[], size: number, work: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += size) {
    await Promise.all(items.slice(from, from + size).map(work));
  }
}

describe('the client library', () => {
  it('recovers all of 1,000 topics with long names, and its own topic, each time it comes back', async () => {
    await using backend = await startBackend({ edges: 1 });
    const { controlUrl, edgeUrls: urls, key } = backend.installation;
    const rest = createRest({ controlUrl, key });
    const topics = Array.from({ length: TOPICS }, (_, number) => longName(number));
    await inBatches(topics, AT_ONCE, (topic) => rest.createTopic(topic));
    const { clientId } = await rest.register({ topics });

    let positions: Record<string, string> | undefined;
    for (const round of [0, 1, 2]) {
      const received = new Map<string, unknown>();
      const lost: unknown[] = [];
      const client = connect({ urls, clientId, positions });
      client.on('message', ({ topic, data }) => received.set(topic, data));
      client.on('lost', (loss) => lost.push(loss));
      const welcomed = await new Promise<ClientEvents['welcome']>((resolve) => client.on('welcome', resolve));
      // The first connection only begins.
      const missed = round === 0 ? 0 : TOPICS + 1;
      await eventually(() => expect(received.size).toBe(missed), PATIENCE);
      expect([...received.values()].filter((data) => data !== round)).toEqual([]);
      const recovered = Object.values(welcomed.topics).filter((topic) => topic.recovered === true);
      expect({ recovered: recovered.length, lost }).toEqual({ recovered: missed, lost: [] });
      positions = client.positions();
      client.close();
      await eventually(async () => expect((await rest.getClient(clientId)).connected).toBe(false), PATIENCE);
      const { results } = await rest.publishBatch(topics.map((topic) => ({ topics: [topic], data: round + 1 })));
      expect(results.filter((result) => !result.ok)).toEqual([]);
      await rest.publishToClient(clientId, round + 1);
    }
  });

  it('that is not registered any more finds out by itself, and tries for ever only when it cannot ask', async () => {
    await using backend = await startBackend({ edges: 1 });
    const { controlUrl, edgeUrls: urls } = backend.installation;
    const clientId = await backend.register([]);
    await backend.call('DELETE', `/v1/clients/${clientId}`);
    const asking = connect({ urls, clientId, controlUrl });
    const left = connect({ urls, clientId });
    let failures = 0;
    left.on('state', (change) => (failures += change.state === 'waiting' ? 1 : 0));
    expect(await asking.closed).toEqual({ reason: 'unregistered', code: undefined });
    await eventually(() => expect(failures).toBeGreaterThan(2), PATIENCE);
    left.close();
    expect(await left.closed).toEqual({ reason: 'closed', code: undefined });
  });
});
