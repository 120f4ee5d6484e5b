import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { WantedOfChannels } from '../broker.ts';
import { redisKeys } from '../keys.ts';
import { refStore } from '../clients/refs.ts';
import { EVENTS } from '../live/payload.ts';
import { eventReader } from './reader.ts';
import { eventStreams } from './streams.ts';
import { type WantedEvents, type WantingEndpoint, eventsWanted, isNothing, textOf } from './wanted.ts';
import { webhookLeases } from './webhook-leases.ts';

export type WebhookBroker = ReturnType<typeof webhookBroker>;

/** What the delivery of events needs of Redis, over one connection for commands. */
export function webhookBroker(redis: Commands, prefix: string) {
  const keys = redisKeys(prefix);
  const wanted = eventsWanted(redis, keys);
  const streams = eventStreams(redis, keys);

  /**
   * Makes known which events this control-api wants, of channels apart from the others, and for which endpoints, nothing
   * when there are none; live edges read it at once when it changes what is wanted. To be called again well within an hour.
   * Where none were wanted, which is also what a Redis that lost its data knows, the streams come first: no script names
   * one that is not there.
   */
  async function keepWanted(
    events: WantedEvents,
    endpoints: readonly WantingEndpoint[] = [],
    channels: WantedOfChannels = {},
  ): Promise<void> {
    const all = await wanted.readWanting();
    if (isNothing(events) && isNothing(channels) && !all.has(wanted.own)) return;
    if (all.size === 0) await streams.createStreams();
    const before = textOf([...all.values()]);
    all.delete(wanted.own);
    const after = textOf([...all.values(), { wanted: events, channels }]);
    await wanted.keep(events, endpoints, channels);
    if (after === before) return;
    const edges = await asked(redis.zrange(keys.edges(), '0', '-1'));
    await Promise.all(edges.map((edge) => asked(redis.spublish(keys.edgeLive(edge), EVENTS))));
  }

  /** Endpoints in the file of any control-api, also of one that was alive within the hour. */
  async function knownEndpoints(): Promise<WantingEndpoint[]> {
    return [...(await wanted.readWanting()).values()].flatMap(({ endpoints }) => endpoints);
  }

  return {
    ...eventReader(redis, keys),
    ...webhookLeases(redis, keys),
    refsOf: refStore(redis, keys).refsOf,
    keepWanted,
    knownEndpoints,
  };
}
