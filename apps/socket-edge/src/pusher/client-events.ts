import type { EdgeChannels } from '@holdfast/broker/broker';
import { channelKind, channelTopic, takesClientEvents } from '@holdfast/protocol/pusher-channels';
import { MAX_CLIENT_EVENTS_PER_SECOND } from '@holdfast/protocol/pusher-limits';
import { ClientEventRate } from './client-event-rate.ts';
import type { ClientEventFrame } from './client-frames.ts';
import type { PusherConnection } from './connection.ts';
import { refusals } from './faults.ts';
import { clientEventText, errorFrame } from './frames.ts';
import { memberParts } from './member.ts';
import type { DoorCounters } from './door-counters.ts';

export interface ClientEventsDeps {
  broker: Pick<EdgeChannels, 'publishToChannel' | 'isChannelEventWanted' | 'writeChannelEvent'>;
  counters: DoorCounters;
  onError: (error: unknown) => void;
}

/** Of an event for webhooks. */
type ClientEventFields = { event: string; data: string; socket_id: string; user_id?: string };

/**
 * Relays what clients send each other, as they sent it. An event is published like those of the application, so it has its
 * place in the order of the channel, and survives the same faults.
 */
export class ClientEvents {
  readonly #deps: ClientEventsDeps;

  constructor(deps: ClientEventsDeps) {
    this.#deps = deps;
  }

  onEvent(connection: PusherConnection, { event, channel, data }: ClientEventFrame): void {
    const { app, members } = connection;
    if (app === null) return;
    const topic = channelTopic(app.known.appId, channel);
    const why = this.#faultOf(connection, topic, channel, data);
    if (why !== null) {
      this.#deps.counters.clientEventsRefused += 1;
      connection.sendFrame(errorFrame({ ...refusals.clientEvent, message: why }));
      return;
    }
    this.#deps.counters.clientEvents += 1;
    const member = members?.get(topic) ?? null;
    const text = clientEventText(event, channel, data, member && memberParts(member).userId);
    const { id: socketId } = connection;
    const fields = { event, data, socket_id: socketId, ...(member && { user_id: member.id }) };
    this.#relay(topic, text, fields).catch((error: unknown) => {
      this.#deps.onError(error);
      connection.sendFrame(errorFrame(refusals.notRelayed));
    });
  }

  /** Webhooks have what was relayed. Rejects when it is not known to be. */
  async #relay(topic: string, text: string, fields: ClientEventFields): Promise<void> {
    const { broker, onError } = this.#deps;
    await broker.publishToChannel(topic, { frame: Buffer.from(text), except: fields.socket_id });
    if (!broker.isChannelEventWanted(topic, 'channel.client-event')) return;
    broker.writeChannelEvent(topic, 'channel.client-event', fields).catch(onError);
  }

  /** Why an event is not relayed; null when it is. */
  #faultOf(connection: PusherConnection, topic: string, channel: string, data: string): string | null {
    const { clientEvents, maxEventBytes } = connection.app?.known ?? { clientEvents: false, maxEventBytes: 0 };
    if (!clientEvents) return 'Client events are not enabled for the app';
    if (!takesClientEvents(channelKind(channel))) {
      return 'Client events are for private and presence channels that are not encrypted';
    }
    if (!connection.subscriptions.has(topic)) return 'The connection is not subscribed to the channel';
    const now = performance.now();
    connection.rate ??= new ClientEventRate(now);
    if (!connection.rate.take(now))
      return `A connection may send ${MAX_CLIENT_EVENTS_PER_SECOND} client events a second`;
    return Buffer.byteLength(data) > maxEventBytes ? `The data may have ${maxEventBytes} bytes` : null;
  }
}
