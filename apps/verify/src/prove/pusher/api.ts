import { setTimeout as delay } from 'node:timers/promises';
import { bodyDigest, requestSignature } from '@holdfast/pusher/signatures';
import { tokenOf } from '../payload.ts';
import type { Send } from '../publisher.ts';
import type { App } from './app.ts';
import { EVENT } from './member.ts';

/** An answer that takes longer counts as none. A control-api gives up on Redis long before. */
const ANSWER_MS = 5000;
const PATIENCE_MS = 60_000;
const PAUSE_MS = 100;

/** The signed REST API of an app, at the control-apis of an installation in turn. */
export class PusherApi {
  readonly #urls: readonly string[];
  readonly #app: App;
  #next = 0;

  constructor(urls: readonly string[], app: App) {
    this.#urls = urls;
    this.#app = app;
  }

  /** Publishes to a channel; what became of it is in what it gives. */
  readonly send: Send = async (channel, payload) => {
    // Libraries send one channel by itself or as a list, as their version has it.
    const to = this.#next % 2 === 0 ? { channel } : { channels: [channel] };
    const body = JSON.stringify({ name: EVENT, data: JSON.stringify(payload), ...to });
    try {
      const { status } = await this.#call('POST', '/events', {}, body);
      // The protocol gives no id: the message is known by its token.
      if (status === 200) return { kind: 'published', id: tokenOf(payload) };
      // 503: Redis was asked, and perhaps only its answer is missing.
      return status >= 500 ? { kind: 'unknown', status } : { kind: 'refused', status };
    } catch {
      return { kind: 'unknown' };
    }
  };

  /** Reads until there is an answer that is not about a fault. Rejects with any other refusal, and after a minute. */
  async get<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.#call('GET', path, query).catch(() => null);
      if (answer?.status === 200) return JSON.parse(answer.text) as T;
      if (answer !== null && answer.status < 500) {
        throw new Error(`GET ${path} was answered with ${answer.status}: ${answer.text.slice(0, 200)}`);
      }
      if (performance.now() > deadline) throw new Error(`GET ${path} had no answer for a minute`);
      await delay(PAUSE_MS);
    }
  }

  async #call(
    method: string,
    suffix: string,
    more: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<{ status: number; text: string }> {
    const { appId, key, secret } = this.#app;
    const path = `/apps/${appId}${suffix}`;
    const query = new Map(
      Object.entries({
        ...more,
        auth_key: key,
        auth_timestamp: String(Math.floor(Date.now() / 1000)),
        auth_version: '1.0',
        ...(body !== undefined && { body_md5: bodyDigest(Buffer.from(body)) }),
      }),
    );
    query.set('auth_signature', requestSignature(secret, { method, path, query }));
    const url = `${this.#urls[this.#next++ % this.#urls.length]}${path}?${new URLSearchParams([...query]).toString()}`;
    const response = await fetch(url, {
      method,
      ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return { status: response.status, text: await response.text() };
  }
}
