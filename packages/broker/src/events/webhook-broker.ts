import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import { redisKeys } from '../keys.ts';
import { refStore } from '../clients/refs.ts';
import { EVENTS } from '../live/payload.ts';
import { eventReader } from './reader.ts';
import { eventStreams } from './streams.ts';
import { type WantedEvents, eventsWanted } from './wanted.ts';
import { webhookLeases } from './webhook-leases.ts';

export type WebhookBroker = ReturnType<typeof webhookBroker>;

/** What the delivery of events needs of Redis, over one connection for commands. */
export function webhookBroker(redis: Commands, prefix: string) {
  const keys = redisKeys(prefix);
  const wanted = eventsWanted(redis, keys);
  const streams = eventStreams(redis, keys);

  /**
   * Makes known which events are wanted, nothing when there are none; live edges read it at once when it has changed.
   * To be called again well within an hour. Where none were wanted, which is also what a Redis that lost its data knows,
   * the streams come first: no script names one that is not there.
   */
  async function keepWanted(events: WantedEvents): Promise<void> {
    const before = await asked(redis.get(keys.eventsWanted()));
    const isNone = Object.keys(events).length === 0;
    if (before === (isNone ? null : JSON.stringify(events))) {
      if (!isNone) await wanted.keep(events);
      return;
    }
    if (before === null) await streams.createStreams();
    await (isNone ? wanted.end() : wanted.keep(events));
    const edges = await asked(redis.zrange(keys.edges(), '0', '-1'));
    await Promise.all(edges.map((edge) => asked(redis.spublish(keys.edgeLive(edge), EVENTS))));
  }

  return {
    ...eventReader(redis, keys),
    ...webhookLeases(redis, keys),
    refsOf: refStore(redis, keys).refsOf,
    keepWanted,
  };
}
