import { randomUUID } from 'node:crypto';
import { startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, onTestFinished, test } from 'vitest';
import { startReceiver } from '../testing/webhook-receiver.ts';
import { endpointOf, openEvents, startTestWebhooks } from '../testing/webhooks.ts';

test('on a Cluster events of every slot arrive within a moment, in order for each topic, also from one control-api to the next', async () => {
  const cluster = await startPrivateCluster({ replicas: 0 });
  onTestFinished(() => cluster.stop());
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  const events = await openEvents({ kind: 'cluster', nodes, access: { database: 0, tls: false } });
  const receiver = await startReceiver();
  const endpoint = endpointOf(receiver, 'backend');
  /** Each once: what is answered late on a busy machine comes again, with its id. */
  const taken = () => [...new Map(receiver.taken.map((event) => [event.id, event])).values()];
  const first = await startTestWebhooks(events, [endpoint]);
  const topics = Array.from({ length: 50 }, (_, index) => `topic-${index}`);
  const write = async (n: number): Promise<void> => {
    await Promise.all(topics.map((topic) => events.ofTopic(topic, 'topic.occupied', { n })));
  };
  await write(0);
  await write(1);
  const clientId = randomUUID();
  await events.ofClient(clientId, 'client.registered', { name: null });
  // Far less than a round through all slots takes.
  await eventually(() => expect(taken()).toHaveLength(101));
  await first.stop();
  await write(2);
  await startTestWebhooks(events, [endpoint]);
  await eventually(() => expect(taken()).toHaveLength(151));
  for (const topic of topics) {
    const numbers = taken()
      .filter(({ data }) => data['topic'] === topic)
      .map(({ data }) => data['n']);
    expect(numbers).toEqual([0, 1, 2]);
  }
  const partitions = taken().map(({ id }) => Number(id.split('-')[0]));
  expect(new Set(partitions).size).toBeGreaterThan(45);
  expect(Math.max(...partitions)).toBeGreaterThan(1_000);
});
