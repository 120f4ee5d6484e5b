import type { StoredEvent } from '@holdfast/broker/stored-event';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';
import { traceWebhook } from '@holdfast/service/tracing';
import type { Delivery } from './delivery.ts';
import { mayGet } from './endpoint-filter.ts';
import { requestOf } from './event-body.ts';
import type { Outgoing, Receiver, SendResult, Sender } from './sender.ts';
import { type FindApp, signerOf } from './signature.ts';

export interface AttemptDeps {
  readonly broker: Pick<WebhookBroker, 'readEvents' | 'refsOf'>;
  readonly sender: Pick<Sender, 'send'>;
  /** As the file has it when it is asked. */
  readonly endpoint: () => WebhookEndpoint;
  readonly findApp: FindApp;
  /** Whether it is still up to this process to send. */
  readonly maySend: () => boolean;
  readonly signal: AbortSignal;
}

/** What became of a try. */
export type Attempt =
  | { readonly kind: 'sent'; readonly result: SendResult; readonly events: readonly StoredEvent[] }
  /** Some of its events are not kept any more, or may not be sent to the endpoint any more; these are left. */
  | { readonly kind: 'missing'; readonly left: readonly StoredEvent[] }
  /** Nothing was sent: it is to be tried again. */
  | { readonly kind: 'held-back' }
  /** Whether the endpoint took it is not known, and not asked for any more. */
  | { readonly kind: 'aborted' };

/** Tries to send a delivery once. Rejects with RedisUnavailable. */
export async function attempt(delivery: Delivery, deps: AttemptDeps): Promise<Attempt> {
  const { broker, endpoint, findApp, maySend, signal } = deps;
  const found = (await inMemory(delivery, broker)) ?? (await broker.readEvents(delivery.places));
  const target = endpoint();
  const app = target.format === 'pusher' ? target.app : undefined;
  const events = found.filter((event) => event !== null).filter((event) => mayGet(app, event));
  if (events.length < delivery.places.length) return { kind: 'missing', left: events };
  const [first, ...others] = events;
  if (first === undefined) return { kind: 'aborted' };
  const outgoing = await requestOf(target.format, [first, ...others], delivery.batchId, broker.refsOf);
  const sign = signerOf(target, findApp);
  // Reading may have taken longer than the lease.
  if (sign === null || !maySend()) return { kind: 'held-back' };
  const result = await sendTraced({ ...target, sign }, outgoing, delivery, deps);
  return signal.aborted ? { kind: 'aborted' } : { kind: 'sent', result, events };
}

/**
 * The events of a delivery that are in memory; null when there are none, or Redis has removed some meanwhile. It removes the
 * oldest of a partition first, so that the first one of each shows it.
 */
async function inMemory(
  { events, places, hasWaited }: Delivery,
  broker: AttemptDeps['broker'],
): Promise<readonly StoredEvent[] | null> {
  if (events === null || !hasWaited) return events;
  const oldest = new Map(places.toReversed().map((place) => [place.partition, place]));
  const kept = await broker.readEvents([...oldest.values()]);
  return kept.includes(null) ? null : events;
}

function sendTraced(
  { id, url, sign }: Receiver & Pick<WebhookEndpoint, 'id'>,
  outgoing: Outgoing,
  { places, tries }: Delivery,
  { sender, signal }: AttemptDeps,
): Promise<SendResult> {
  const attributes = { endpoint: id, events: places.length, attempt: tries + 1 };
  return traceWebhook(attributes, async (span) => {
    const result = await sender.send({ url, sign }, { ...outgoing, traceparent: span.traceparent }, signal);
    span.set({
      'holdfast.outcome': result.outcome,
      ...(result.status !== null && { 'http.response.status_code': result.status }),
    });
    return result;
  });
}
