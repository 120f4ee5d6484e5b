import type { IncomingHttpHeaders } from 'node:http';
import { clientId as clientIdSchema } from '@holdfast/protocol/client-id';
import type { ProblemCode, ProblemDetails } from '@holdfast/protocol/problems';
import { CONNECT_PATH, CREDENTIAL_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from '@holdfast/protocol/version';
import { type Refusal, refusal } from './refusal.ts';

/** RFC 6455, section 4.1: 16 bytes as base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;
const VERSION = '13';
/** RFC 9110, section 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** RFC 9112, section 3.2.2: what comes before the path in a target of absolute form. */
const SCHEME_AND_AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;
const BEARER = /^Bearer +(\S+)$/i;
/** Parameters that are 1 or left out. */
const FLAGS = ['resume', 'presence'];
const API_KEY_PARAMETERS = ['key', 'apikey', 'api_key', 'api-key', 'x-api-key'];

export interface HandshakeRequest {
  method?: string | undefined;
  url?: string | undefined;
  headers: IncomingHttpHeaders;
}

/** What a well-formed handshake asks for. */
export interface Handshake {
  clientId: string;
  resume: boolean;
  /** Whether it is to be shown who is present. */
  presence: boolean;
  /** The subprotocols that were offered. */
  offered: readonly string[];
}

export type HandshakeOutcome = { ok: true; handshake: Handshake } | { ok: false; refusal: Refusal };

/** Reads an upgrade request of the native protocol without touching its socket. */
export function readHandshake(request: HandshakeRequest, allowedOrigins: readonly string[]): HandshakeOutcome {
  const { path, query: search } = targetOf(request.url ?? '');
  if (!isConnectPath(path)) return refused('route-not-found', { detail: `Connect at ${CONNECT_PATH}` });
  const malformed = checkUpgrade(request) ?? checkOrigin(request, allowedOrigins);
  if (malformed) return { ok: false, refusal: malformed };

  const query = new URLSearchParams(search);
  const forbidden = [...query.keys()].find((name) => API_KEY_PARAMETERS.includes(name.toLowerCase()));
  if (forbidden !== undefined)
    return refused('key-in-query', { detail: `"${forbidden}": connections take a client id only` });
  const errors = FLAGS.filter((name) => !['0', '1'].includes(query.get(name) ?? '0')).map((name) => ({
    field: `query.${name}`,
    rule: 'must be 1, or left out',
  }));
  if (errors.length > 0) return refused('invalid-request', { errors });

  const offered = subprotocolsOf(request.headers['sec-websocket-protocol']);
  if (offered === null) {
    return refused('bad-handshake', { detail: 'Sec-WebSocket-Protocol must be different names with commas between' });
  }
  const credentials = new Set(credentialsOf(query, request.headers, offered));
  const [credential, ...others] = credentials;
  if (credential === undefined) {
    const detail = `Give it as ?client=<uuid>, as "Authorization: Bearer <uuid>", or as subprotocol "${CREDENTIAL_SUBPROTOCOL_PREFIX}<uuid>"`;
    return refused('credential-missing', { detail });
  }
  if (others.length > 0) return refused('credential-malformed', { detail: 'Two different client ids were given' });
  const parsed = clientIdSchema.safeParse(credential);
  if (!parsed.success) return refused('credential-malformed');
  const [resume = false, presence = false] = FLAGS.map((name) => query.get(name) === '1');
  return { ok: true, handshake: { clientId: parsed.data, resume, presence, offered } };
}

/** Path and query of a request target. In absolute form, which servers must take too, the authority does not count. */
export function targetOf(target: string): { path: string; query: string } {
  const rest = target.startsWith('/') ? target : target.replace(SCHEME_AND_AUTHORITY, '');
  const mark = rest.indexOf('?');
  const path = mark < 0 ? rest : rest.slice(0, mark);
  return { path: path === '' ? '/' : path, query: mark < 0 ? '' : rest.slice(mark + 1) };
}

/** The path of a request, without its query. */
export function pathOf({ url = '' }: HandshakeRequest): string {
  return targetOf(url).path;
}

/**
 * Whether it is a handshake for us to answer. Another upgrade is ignored, as if it were not asked for (RFC 9110, section 7.8).
 * @param connects whether connections are taken at a path
 */
export function isHandshake(request: HandshakeRequest, connects: (path: string) => boolean = isConnectPath): boolean {
  return asksForWebSocket(request.headers.upgrade) && connects(pathOf(request));
}

function asksForWebSocket(upgrade: string | undefined): boolean {
  return upgrade === 'websocket' || listOf(upgrade).some((protocol) => protocol.toLowerCase() === 'websocket');
}

/** The elements of a list (RFC 9110, section 5.6.1): empty ones do not count. */
function listOf(header: string | undefined): string[] {
  const elements = header?.split(',').map((element) => element.trim()) ?? [];
  return elements.filter((element) => element !== '');
}

/** `/` is taken too, so that the URL that Register hands out works as it is. */
export function isConnectPath(path: string): boolean {
  return path === CONNECT_PATH || path === '/';
}

function refused(code: ProblemCode, details?: ProblemDetails): HandshakeOutcome {
  return { ok: false, refusal: refusal(code, details) };
}

/** Whether it asks for WebSocket as RFC 6455, section 4.2.1, has it; null: it does. */
export function checkUpgrade({ method, headers }: HandshakeRequest): Refusal | null {
  if (method !== 'GET') return refusal('method-not-allowed', { detail: 'The method must be GET' }, { Allow: 'GET' });
  if (!asksForWebSocket(headers.upgrade)) {
    return refusal(
      'upgrade-required',
      { detail: 'The Upgrade header must name "websocket"' },
      { Upgrade: 'websocket' },
    );
  }
  if (headers['sec-websocket-version'] !== VERSION) {
    // RFC 6455, section 4.4: name the version that is supported.
    const details = { detail: `Sec-WebSocket-Version must be ${VERSION}` };
    return refusal('upgrade-required', details, { Upgrade: 'websocket', 'Sec-WebSocket-Version': VERSION });
  }
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) {
    return refusal('bad-handshake', { detail: 'Sec-WebSocket-Key must be 16 bytes as base64' });
  }
  return null;
}

/** Whether the page that it comes from may connect; null: it may, or it is of no page. */
export function checkOrigin({ headers: { origin } }: HandshakeRequest, allowed: readonly string[]): Refusal | null {
  if (origin === undefined || allowed.length === 0 || allowed.includes('*') || allowed.includes(origin)) return null;
  return refusal('origin-not-allowed');
}

/** Null when the header is malformed. */
function subprotocolsOf(header: string | undefined): string[] | null {
  if (header === undefined) return [];
  const offered = listOf(header);
  const sound = offered.length > 0 && offered.every((name) => TOKEN.test(name));
  return sound && new Set(offered).size === offered.length ? offered : null;
}

function* credentialsOf(
  query: URLSearchParams,
  headers: IncomingHttpHeaders,
  offered: readonly string[],
): Generator<string> {
  for (const value of query.getAll('client')) yield value.toLowerCase();
  if (headers.authorization !== undefined) {
    yield (BEARER.exec(headers.authorization)?.[1] ?? headers.authorization).toLowerCase();
  }
  for (const name of offered) {
    if (name.startsWith(CREDENTIAL_SUBPROTOCOL_PREFIX))
      yield name.slice(CREDENTIAL_SUBPROTOCOL_PREFIX.length).toLowerCase();
  }
}

/** A browser that offers subprotocols fails the connection unless one of them comes back. */
export function chooseSubprotocol(offered: readonly string[]): string | undefined {
  if (offered.includes(SUBPROTOCOL)) return SUBPROTOCOL;
  return offered.find((name) => name.startsWith(CREDENTIAL_SUBPROTOCOL_PREFIX));
}
