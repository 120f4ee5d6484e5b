import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';
import { answerOf, numberOf, text } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import { type WebhookState, type WrittenState, decodeWebhookState } from './webhook-state.ts';

const leaseScript = loadScript('lease-webhook');
const writeScript = loadScript('write-webhook');
const releaseScript = loadScript('release-webhook');

/** Renewed every second: many renewals may fail before another control-api takes over. */
const WEBHOOK_LEASE_MS = 10_000;
/** How long an endpoint that is in no file any more is known, and goes on where it was when it comes back. */
const KEPT_MS = 2 * 24 * 3_600_000;
/** The clocks of a Cluster's nodes may be apart by so much: a new endpoint gets as much of what was before it. */
const CLOCKS_APART_MS = 2_000;
/** Pairs that one script writes. */
const MAX_PAIRS = 1_000;

export type WebhookLease =
  | { readonly kind: 'held-by-other' }
  /** `renewed`: the caller held it; `forgotten`: nothing was known of the endpoint. */
  | { readonly kind: 'renewed' | 'taken' | 'forgotten'; readonly state: WebhookState };

const KINDS = { 1: 'renewed', 2: 'taken', 3: 'forgotten' } as const;

/** What whoever holds the lease of an endpoint writes down. */
export interface WebhookChanges {
  readonly state: WrittenState;
  /** By partition. */
  readonly cursors: ReadonlyMap<string, string>;
  /** By delivery; null: it is done. */
  readonly deliveries: ReadonlyMap<string, string | null>;
  /** Requests that are done, with the text that each had. */
  readonly done: ReadonlyMap<'enable' | 'replay', string>;
}

/** Endpoints of webhooks: who delivers to each, and how far it is. All reject with RedisUnavailable. */
export function webhookLeases(redis: Commands, keys: Keys) {
  const keysOf = (id: string): string[] => [keys.webhook(id), keys.webhookCursors(id), keys.webhookDeliveries(id)];

  /** Takes or renews the lease of an endpoint. Only its holder delivers, and writes. */
  async function leaseWebhook(id: string, token: string): Promise<WebhookLease> {
    const margin = redis.isCluster ? CLOCKS_APART_MS : 0;
    const answer = await run(redis, leaseScript, keysOf(id), [token, WEBHOOK_LEASE_MS, KEPT_MS, margin]);
    const { kind, rest } = answerOf('lease-webhook', answer);
    if (kind === 0) return { kind: 'held-by-other' };
    const state = decodeWebhookState(recordOf(rest[0]));
    return { kind: KINDS[kind as keyof typeof KINDS], state };
  }

  async function releaseWebhook(id: string, token: string): Promise<void> {
    numberOf('release-webhook', await run(redis, releaseScript, [keys.webhook(id)], [token]));
  }

  /** False when another holds the lease: then nothing was written, or no more than a part. */
  async function writeWebhook(id: string, token: string, changes: WebhookChanges): Promise<boolean> {
    const state = Object.entries(changes.state);
    const cursors = [...changes.cursors];
    const deliveries = [...changes.deliveries].map(([name, value]) => [name, value ?? ''] as const);
    // Cursors come first: a part of the changes that is written alone has no delivery removed before its cursor moves.
    for (let from = MAX_PAIRS; from < cursors.length; from += MAX_PAIRS) {
      if (!(await write(id, token, [], cursors.slice(from, from + MAX_PAIRS), [], []))) return false;
    }
    return write(id, token, state, cursors.slice(0, MAX_PAIRS), deliveries, [...changes.done]);
  }

  type Pairs = readonly (readonly [string, string])[];
  async function write(id: string, token: string, state: Pairs, cursors: Pairs, deliveries: Pairs, done: Pairs) {
    const counts = [state.length, cursors.length, deliveries.length];
    const pairs = [...state, ...cursors, ...deliveries, ...done].flat();
    const answer = await run(redis, writeScript, keysOf(id), [token, ...counts, ...pairs]);
    return numberOf('write-webhook', answer) === 1;
  }

  async function readWebhook(id: string): Promise<WebhookState> {
    return decodeWebhookState(await asked(redis.hgetall(keys.webhook(id))));
  }

  /** How far each partition was delivered; one that is missing, up to when the endpoint began. */
  async function readCursors(id: string): Promise<Map<string, string>> {
    return new Map(Object.entries(await asked(redis.hgetall(keys.webhookCursors(id)))));
  }

  /** What was begun and is not done, by delivery. */
  async function readDeliveries(id: string): Promise<Map<string, string>> {
    return new Map(Object.entries(await asked(redis.hgetall(keys.webhookDeliveries(id)))));
  }

  /** Asks whoever holds the lease, or will. */
  async function requestOfWebhook(id: string, request: 'enable' | 'replay', value: string): Promise<void> {
    await asked(redis.hset(keys.webhook(id), request, value));
  }

  async function countDropped(id: string, events: number): Promise<void> {
    await asked(redis.hincrby(keys.webhook(id), 'dropped', events));
  }

  return {
    leaseWebhook,
    releaseWebhook,
    writeWebhook,
    readWebhook,
    readCursors,
    readDeliveries,
    requestOfWebhook,
    countDropped,
  };
}

function recordOf(flat: unknown): Record<string, string> {
  const values = Array.isArray(flat) ? flat.map(text) : [];
  return Object.fromEntries(
    Array.from({ length: Math.floor(values.length / 2) }, (_, index) => [values[2 * index], values[2 * index + 1]]),
  ) as Record<string, string>;
}
