import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { forEachBounded } from '@holdfast/harness/bounded';
import { HttpPool } from '@holdfast/harness/http-pool';
import { HoldfastInstallation } from './holdfast-installation.ts';
import { SETTINGS, STANDING_BY, targetOf } from './holdfast.ts';
import { CALL_MS, type Layout, type PeerContext, type Running, topicName, topicNumbersOf } from './peer.ts';

const KEY = 'bench-web';
const CALLS_AT_ONCE = 32;
/** As long as a token may be valid by default. */
const TOKEN_SECONDS = 3600;
const HEADER = encoded({ alg: 'ES256', typ: 'JWT', kid: KEY });

/** An installation whose clients have registered themselves, each with a token of its own (ES256). */
export class TokenInstallation {
  readonly #installation: HoldfastInstallation;
  readonly #calls: HttpPool;
  readonly #topics: (client: number) => string[];
  readonly #clientIds: string[] = [];
  readonly #privateKey: ReturnType<typeof newKeys>['privateKey'];
  /** Of this run; a new one for each would be the same work for control-api. */
  readonly #run = randomUUID().slice(0, 8);

  private constructor(
    installation: HoldfastInstallation,
    topics: (client: number) => string[],
    privateKey: ReturnType<typeof newKeys>['privateKey'],
  ) {
    this.#installation = installation;
    this.#topics = topics;
    this.#privateKey = privateKey;
    this.#calls = new HttpPool(`http://127.0.0.1:${installation.controlPort}`, CALLS_AT_ONCE, {}, CALL_MS);
  }

  /** Starts it with one edge to be killed and others for its clients, and registers a client for each connection. */
  static async start(layout: Layout, { log }: PeerContext): Promise<TokenInstallation> {
    const installation = await HoldfastInstallation.start({ edges: 1 + STANDING_BY, log });
    const { privateKey, publicKey } = newKeys();
    const publicJwk = publicKey.export({ format: 'jwk' }) as { kty: 'EC'; crv: 'P-256'; x: string; y: string };
    await installation.addKey({ id: KEY, can: { subscribe: ['**'] }, tokens: { alg: 'ES256', publicJwk } });
    await installation.createTopics(topicNumbersOf(layout));
    const topics = (client: number) => layout.topicsOf(client).map(topicName);
    return new TokenInstallation(installation, topics, privateKey);
  }

  /** The server as measures see it. */
  runningFor(layout: Layout): Running {
    const installation = this.#installation;
    return {
      servers: installation.edges.map(({ pid }) => pid),
      others: [...installation.controlPids, installation.redis.pid],
      settings: SETTINGS,
      target: targetOf(layout, installation.edgePorts, 1, (client) => this.#clientIds[client] ?? ''),
      publish: (message) => installation.publish(message),
      publishAll: (messages) => installation.publishAll(messages),
      killAndReplace: () => installation.kill(0),
      stop: async () => {
        this.#calls.close();
        await installation[Symbol.asyncDispose]();
      },
    };
  }

  /** Tokens of clients `[0, count)`: signing them is work of who issues them, and done beforehand. */
  tokens(count: number): string[] {
    const issuedAt = Math.floor(Date.now() / 1000);
    return Array.from({ length: count }, (_, client) => this.#tokenOf(client, issuedAt));
  }

  /** Registers a client with its token, for the first time or again. */
  async register(client: number, token: string): Promise<void> {
    const { body } = await this.#calls.call('POST', '/v1/clients', undefined, `Authorization: Bearer ${token}\r\n`);
    this.#clientIds[client] = (JSON.parse(body) as { clientId: string }).clientId;
  }

  async registerAll(tokens: readonly string[]): Promise<void> {
    await forEachBounded(tokens.entries(), CALLS_AT_ONCE, ([client, token]) => this.register(client, token));
  }

  /** Registers as many clients by API key, to compare with. */
  async registerByKey(count: number): Promise<void> {
    const registrations = Array.from({ length: count }, (_, client) => ({
      credential: randomUUID(),
      topics: this.#topics(client),
    }));
    await this.#installation.register(registrations);
  }

  /** Tokens that control-api has verified so far, by the signature. */
  async verifications(): Promise<number> {
    const { body } = await this.#calls.call('GET', '/metrics');
    const counts = [...body.matchAll(/^holdfast_token_verifications_total\{[^}]*\} (\d+)/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** CPU of control-api and Redis, in seconds. */
  cpu(): Promise<{ control: number; redis: number }> {
    return this.#installation.cpu();
  }

  #tokenOf(client: number, issuedAt: number): string {
    const claims = encoded({
      sub: `${this.#run}-${client}`,
      aud: 'holdfast',
      iat: issuedAt,
      exp: issuedAt + TOKEN_SECONDS,
      jti: randomUUID(),
      hf: { topics: this.#topics(client) },
    });
    const signed = `${HEADER}.${claims}`;
    const signature = sign('sha256', Buffer.from(signed), { key: this.#privateKey, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }
}

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
