import type { LossEvents, TopicLoss } from '@holdfast/broker/broker';
import { expect, it } from 'vitest';
import { Losses } from './losses.ts';

/** Takes what is written, or gives it back. */
class Written implements LossEvents {
  readonly losses: TopicLoss[][] = [];
  isAway = false;

  isLossWanted(topic: string): boolean {
    return topic !== 'ignored';
  }

  writeLosses(_edge: string, losses: readonly TopicLoss[]): Promise<TopicLoss[]> {
    if (!this.isAway) this.losses.push([...losses]);
    return Promise.resolve(this.isAway ? [...losses] : []);
  }
}

it('gathers losses of a topic: how many, after the first position, up to the last', async () => {
  const broker = new Written();
  const losses = new Losses('e1', broker);
  losses.add('news', 'c1', '20-5', '40-0');
  losses.add('news', 'c2', '9-5', '30-0');
  losses.add('other', 'c1', '1-0', '2-0');
  losses.add('news', 'c3', '20-4', '40-10');
  losses.add('ignored', 'c3', '1-0', '2-0');
  await losses.write();
  await losses.write();
  expect(broker.losses).toEqual([
    [
      { topic: 'news', connections: 3, after: '9-5', position: '40-10' },
      { topic: 'other', connections: 1, after: '1-0', position: '2-0' },
    ],
  ]);
});

it('keeps inboxes apart by their clients', async () => {
  const broker = new Written();
  const losses = new Losses('e1', broker);
  for (const client of ['c1', 'c2', 'c1']) losses.add('@me', client, '1-0', '2-0');
  await losses.write();
  expect(broker.losses[0]?.map(({ clientId, connections }) => [clientId, connections])).toEqual([
    ['c1', 2],
    ['c2', 1],
  ]);
});

it('keeps what Redis does not take, together with what comes', async () => {
  const broker = new Written();
  const losses = new Losses('e1', broker);
  broker.isAway = true;
  losses.add('news', 'c1', '2-0', '3-0');
  await losses.write();
  losses.add('news', 'c1', '1-0', '4-0');
  broker.isAway = false;
  await losses.write();
  expect(broker.losses).toEqual([[{ topic: 'news', connections: 2, after: '1-0', position: '4-0' }]]);
});
