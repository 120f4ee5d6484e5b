import type {
  WebhookSummary,
  webhookEnableResponse,
  webhookReplayResponse,
  webhookTestResponse,
  webhooksResponse,
} from '@holdfast/protocol/rest/webhooks';
import { type Request, change, get, path } from './request.ts';

export type Webhook = WebhookSummary;
export type TestAnswer = (typeof webhookTestResponse)['_output'];

export function listWebhooks(): Request<(typeof webhooksResponse)['_output']> {
  return get('/v1/webhooks');
}

export function testWebhook(id: string): Request<TestAnswer> {
  return change('POST', path`/v1/webhooks/${id}/test`);
}

/** @param since RFC 3339 */
export function replayWebhook(id: string, since: string): Request<(typeof webhookReplayResponse)['_output']> {
  return change('POST', path`/v1/webhooks/${id}/replay`, { since });
}

export function enableWebhook(id: string): Request<(typeof webhookEnableResponse)['_output']> {
  return change('POST', path`/v1/webhooks/${id}/enable`);
}
