import type { WebhookState } from '@holdfast/broker/webhook-state';
import { type WebhookSummary, disabledReason, webhookSummary } from '@holdfast/protocol/rest/webhooks';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';

const MS_PER_SECOND = 1_000;

interface FoundState extends WebhookState {
  /** Whether its requests can be signed. */
  readonly canSign: boolean;
}

/** An endpoint for operators: as the file has it, and as Redis knows how far it is. */
export function summaryOf(endpoint: WebhookEndpoint, state: FoundState, now = Date.now()): WebhookSummary {
  const { id, url, format, types, batch = null } = endpoint;
  const [reason, disabledAt] = state.disabled?.split(' ') ?? [];
  const pausedUntil = state.pausedUntil !== null && state.pausedUntil > now ? state.pausedUntil : null;
  return {
    id,
    url: withoutQuery(url),
    format,
    app: endpoint.format === 'pusher' ? endpoint.app : null,
    types,
    topics: (endpoint.format === 'standard' && endpoint.topics) || null,
    batch,
    state: stateOf(state, pausedUntil),
    disabledReason: reason === undefined ? null : disabledReason.parse(reason),
    disabledAt: disabledAt === undefined ? null : isoTime(Number(disabledAt)),
    pausedUntil: pausedUntil === null ? null : isoTime(pausedUntil),
    lagSeconds: state.oldest === null ? 0 : Math.max(0, (now - state.oldest) / MS_PER_SECOND),
    delivered: state.delivered,
    dropped: state.dropped,
    lastDeliveredAt: state.lastDelivered === null ? null : isoTime(state.lastDelivered),
    lastError: errorOf(state.lastError),
  };
}

function stateOf({ disabled, failing, canSign }: FoundState, pausedUntil: number | null): WebhookSummary['state'] {
  if (disabled !== null) return 'disabled';
  if (!canSign) return 'waiting';
  if (pausedUntil !== null) return 'paused';
  return failing > 0 ? 'failing' : 'active';
}

function errorOf(text: string | null): WebhookSummary['lastError'] {
  if (text === null) return null;
  const { at, ...rest } = JSON.parse(text) as { at: number };
  return webhookSummary.shape.lastError.parse({ at: isoTime(at), ...rest });
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
