import { z } from 'zod';

/** How one attempt to deliver ended. */
export const webhookOutcome = z.enum([
  'delivered',
  'refused',
  'gone',
  'time-out',
  'unreachable',
  'address-not-allowed',
  'unknown-app',
]);

export type WebhookOutcome = z.output<typeof webhookOutcome>;

/** Why nothing is sent to an endpoint until it is enabled. */
export const disabledReason = z.enum(['gone', 'failing', 'unknown-app']);

export type DisabledReason = z.output<typeof disabledReason>;

const lastError = z.object({
  at: z.iso.datetime(),
  outcome: webhookOutcome,
  status: z.int().nullable().describe('Of the answer; null when there was none'),
  message: z.string(),
});

export const webhookSummary = z.object({
  id: z.string(),
  url: z
    .string()
    .describe('Without its query, which may hold a secret; to keys that do not manage `**` only its origin'),
  format: z
    .enum(['standard', 'pusher'])
    .describe('standard: Standard Webhooks; pusher: of channels, as Pusher sends them'),
  app: z.string().nullable().describe('The app whose channels it gets; null for format standard'),
  types: z.array(z.string()),
  topics: z.array(z.string()).nullable().describe('null: of every topic; for format pusher always'),
  batch: z.object({ size: z.int(), ms: z.int() }).nullable(),
  state: z
    .enum(['active', 'failing', 'paused', 'waiting', 'disabled'])
    .describe(
      'paused: its Retry-After is obeyed; waiting: no API key has its app; disabled: nothing is sent until it is enabled',
    ),
  disabledReason: disabledReason.nullable(),
  disabledAt: z.iso.datetime().nullable(),
  pausedUntil: z.iso.datetime().nullable(),
  lagSeconds: z.number().min(0).describe('The age of the oldest event that is not delivered; 0 when there is none'),
  delivered: z.int().describe('Events, since the endpoint was first there'),
  dropped: z
    .int()
    .describe('Events that a full buffer, or a Redis that lost its data, took before they were delivered'),
  lastDeliveredAt: z.iso.datetime().nullable(),
  lastError: lastError.nullable(),
});

export type WebhookSummary = z.output<typeof webhookSummary>;

export const webhooksResponse = z.object({ webhooks: z.array(webhookSummary) });

export const webhookTestResponse = z.object({
  id: z.string(),
  outcome: webhookOutcome,
  status: z.int().nullable().describe('Of the answer; null when there was none'),
  body: z.string().nullable().describe('The beginning of the answer; null to keys that do not manage `**`'),
  message: z.string().nullable().describe('Why there was no answer'),
  ms: z.int(),
});

export const webhookReplayRequest = z.strictObject({
  since: z.iso
    .datetime({ offset: true, error: 'must be an RFC 3339 time' })
    .describe('Events from this time on are sent again, as far back as they are kept'),
});

export const webhookReplayResponse = z.object({ id: z.string(), since: z.iso.datetime() });

export const webhookEnableResponse = z.object({ id: z.string() });
