import { once } from 'node:events';
import { type HoldfastClient, connect } from '@holdfast/client/connect';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import { createRest } from '@holdfast/client/rest';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { HolderLog } from './judge.ts';
import { type Token, type TokenKey, mint } from './token.ts';

const WELCOME_MS = 30_000;
const LOOK_MS = 20;
const ANSWER_MS = 5000;
const SWITCHING_PROTOCOLS = 101;
const OK = 200;

export interface HolderOptions {
  name: string;
  key: TokenKey;
  controlUrl: string;
  topics: readonly string[];
  /** How long each of its tokens is valid. */
  seconds: number;
}

/** A client of tokens, with a log of what becomes of its connection. */
export class Holder implements HolderLog {
  readonly name: string;
  readonly kind: HolderLog['kind'];
  readonly opened: number[] = [];
  readonly closed: { at: number; code: number }[] = [];
  readonly later: number[] = [];
  revoked?: { askedAt: number; answeredAt: number };
  heldUntil = 0;
  /** Tokens that it has got. */
  tokens = 0;
  #expiresAt = 0;
  readonly #options: HolderOptions;
  #client: HoldfastClient | undefined;
  #clientId = '';

  constructor(kind: HolderLog['kind'], options: HolderOptions) {
    this.kind = kind;
    this.name = options.name;
    this.#options = options;
  }

  get expiresAt(): number {
    return this.#expiresAt;
  }

  /** Registers and connects by itself, and renews: the SDK does it all. */
  async renewing(): Promise<void> {
    const { controlUrl } = this.#options;
    await this.#follow(connect({ controlUrl, getToken: () => this.#mint().text }));
  }

  /** Registers with one token, and connects to this edge with the UUID. */
  async once(url: string): Promise<void> {
    const { controlUrl } = this.#options;
    const { clientId } = await createRest({ controlUrl, token: this.#mint().text }).register();
    this.#clientId = clientId;
    await this.#follow(connect({ url, clientId }));
  }

  /** Tries what its UUID opens, at control-api and at this edge, and logs the statuses. */
  async tryAgain(edgeUrl: string): Promise<void> {
    const { controlUrl, topics } = this.#options;
    const rest = createRest({ controlUrl });
    const signal = AbortSignal.timeout(ANSWER_MS);
    this.later.push(
      await statusOf(rest.getClient(this.#clientId, { signal })),
      await statusOf(rest.subscribe(this.#clientId, topics, { signal })),
      await handshake(`${edgeUrl}/v1/connect?client=${this.#clientId}`),
    );
  }

  close(): void {
    this.#client?.close();
  }

  #mint(): Token {
    const { key, name, topics, seconds } = this.#options;
    const token = mint(key, name, topics, seconds);
    this.#expiresAt = token.expiresAt;
    this.tokens += 1;
    return token;
  }

  async #follow(client: HoldfastClient): Promise<void> {
    this.#client = client;
    client.on('welcome', () => this.opened.push(Date.now()));
    client.on('state', (change) => {
      if (change.state === 'waiting' && this.opened.length > this.closed.length) {
        this.closed.push({ at: Date.now(), code: change.code });
      }
    });
    client.on('closed', ({ code }) => {
      if (code !== undefined) this.closed.push({ at: Date.now(), code });
    });
    const deadline = performance.now() + WELCOME_MS;
    while (this.opened.length === 0) {
      if (performance.now() > deadline) throw new Error(`the client ${this.name} got no welcome`);
      await delay(LOOK_MS);
    }
  }
}

async function statusOf(call: Promise<unknown>): Promise<number> {
  return call.then(
    () => OK,
    (error: unknown) => (error instanceof HoldfastError ? (error.status ?? 0) : 0),
  );
}

/** The status that a handshake is answered with. */
async function handshake(url: string): Promise<number> {
  const socket = new WebSocket(url, 'holdfast.v1', { handshakeTimeout: ANSWER_MS });
  socket.on('error', () => undefined);
  const refused = Promise.withResolvers<number>();
  socket.on('unexpected-response', (_request, response) => {
    response.resume();
    refused.resolve(response.statusCode ?? 0);
  });
  const opened = once(socket, 'open').then(
    () => SWITCHING_PROTOCOLS,
    () => 0,
  );
  const status = await Promise.race([refused.promise, opened]);
  socket.terminate();
  return status;
}
