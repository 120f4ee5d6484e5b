import type { StoredEvent } from '@holdfast/broker/stored-event';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';
import { traceWebhook } from '@holdfast/service/tracing';
import type { Delivery } from './delivery.ts';
import { batchRequest, publicEvents, singleRequest } from './event-body.ts';
import type { Outgoing, SendResult, Sender } from './sender.ts';

export interface AttemptDeps {
  readonly broker: Pick<WebhookBroker, 'readEvents' | 'refsOf'>;
  readonly sender: Pick<Sender, 'send'>;
  /** As the file has it when it is asked. */
  readonly endpoint: () => WebhookEndpoint;
  /** Whether it is still up to this process to send. */
  readonly maySend: () => boolean;
  readonly signal: AbortSignal;
}

/** What became of a try. */
export type Attempt =
  | { readonly kind: 'sent'; readonly result: SendResult; readonly events: readonly StoredEvent[] }
  /** Some of its events are not kept any more; these are. */
  | { readonly kind: 'missing'; readonly left: readonly StoredEvent[] }
  /** Nothing was sent: it is to be tried again. */
  | { readonly kind: 'held-back' }
  /** Whether the endpoint took it is not known, and not asked for any more. */
  | { readonly kind: 'aborted' };

/** Tries to send a delivery once. Rejects with RedisUnavailable. */
export async function attempt(delivery: Delivery, deps: AttemptDeps): Promise<Attempt> {
  const { broker, maySend, signal } = deps;
  const found = delivery.events ?? (await broker.readEvents(delivery.places));
  const events = found.filter((event) => event !== null);
  if (events.length < delivery.places.length) return { kind: 'missing', left: events };
  const shown = await publicEvents(events, broker.refsOf);
  const [first] = shown;
  if (first === undefined) return { kind: 'aborted' };
  // Reading may have taken longer than the lease.
  if (!maySend()) return { kind: 'held-back' };
  const outgoing = delivery.batchId === null ? singleRequest(first) : batchRequest(delivery.batchId, shown);
  const result = await sendTraced(outgoing, delivery, deps);
  return signal.aborted ? { kind: 'aborted' } : { kind: 'sent', result, events };
}

function sendTraced(
  outgoing: Outgoing,
  { places, tries }: Delivery,
  { sender, endpoint, signal }: AttemptDeps,
): Promise<SendResult> {
  const attributes = { endpoint: endpoint().id, events: places.length, attempt: tries + 1 };
  return traceWebhook(attributes, async (span) => {
    const result = await sender.send(endpoint(), { ...outgoing, traceparent: span.traceparent }, signal);
    span.set({
      'holdfast.outcome': result.outcome,
      ...(result.status !== null && { 'http.response.status_code': result.status }),
    });
    return result;
  });
}
