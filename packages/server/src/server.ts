/** All that a backend needs of Holdfast: calls that repeat themselves safely, tokens for its users, and webhooks. */
export type {
  ClientDetails,
  ClientTopics,
  Published,
  RegisterOptions,
  Registration,
  Topic,
  TopicOptions,
} from '@holdfast/client/rest';
export { HoldfastError } from '@holdfast/client/holdfast-error';
export type { LocalErrorCode } from '@holdfast/client/holdfast-error';
export type { EventData, EventType } from '@holdfast/protocol/events';
export type { Problem, ProblemCode } from '@holdfast/protocol/problems';
export { createBackend } from './backend.ts';
export type { Backend, BackendOptions, PublishOptions } from './backend.ts';
export type { BatchItem, BatchOutcome } from './batches.ts';
export { createTokenIssuer } from './token-issuer.ts';
export type { PrivateJwk, TokenClaims, TokenIssuer, TokenIssuerOptions } from './token-issuer.ts';
export { WebhookError, verifyWebhook } from './webhook.ts';
export type { Webhook, WebhookErrorCode, WebhookEvent, WebhookRequest } from './webhook.ts';
