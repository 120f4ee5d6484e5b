import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import { redisKeys } from '../keys.ts';
import { refStore } from '../clients/refs.ts';
import { EVENTS } from '../live/payload.ts';
import { eventReader } from './reader.ts';
import { eventStreams } from './streams.ts';
import { type WantedEvents, type WantingEndpoint, eventsWanted, unionOf } from './wanted.ts';
import { webhookLeases } from './webhook-leases.ts';

export type WebhookBroker = ReturnType<typeof webhookBroker>;

/** What the delivery of events needs of Redis, over one connection for commands. */
export function webhookBroker(redis: Commands, prefix: string) {
  const keys = redisKeys(prefix);
  const wanted = eventsWanted(redis, keys);
  const streams = eventStreams(redis, keys);

  /**
   * Makes known which events this control-api wants and for which endpoints, nothing when there are none; live edges read
   * it at once when it changes what is wanted. To be called again well within an hour. Where none were wanted, which is
   * also what a Redis that lost its data knows, the streams come first: no script names one that is not there.
   */
  async function keepWanted(events: WantedEvents, endpoints: readonly WantingEndpoint[] = []): Promise<void> {
    const all = await wanted.readWanting();
    const isNone = Object.keys(events).length === 0;
    if (isNone && !all.has(wanted.own)) return;
    if (all.size === 0) await streams.createStreams();
    const before = textOf([...all.values()].map((one) => one.wanted));
    all.delete(wanted.own);
    const after = textOf([...[...all.values()].map((one) => one.wanted), events]);
    await wanted.keep(events, endpoints);
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

function textOf(all: readonly WantedEvents[]): string {
  return JSON.stringify(unionOf(all));
}
