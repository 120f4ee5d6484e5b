import type { ClientMay } from '@holdfast/protocol/user';

/** Who a client is, and what it may do: set when it is registered, and by each token. */
export interface ClientIdentity {
  user: string | null;
  /** JSON of at most `MAX_INFO_BYTES`. */
  info: string | null;
  /** What it may do with its UUID; null: what its API key may. */
  may: ClientMay | null;
  /** Lists of patterns, one of each of which a topic must fit for the client to see its presence; none: it sees none. */
  seesPresence: readonly (readonly string[])[];
  /** Of the token with which it was registered last; null for a client of an API key alone. */
  token: ClientToken | null;
  /** It is forgotten when it has not been connected for so long; when not given, its API key says how long. */
  expirySeconds?: number;
}

/** What is kept of a client's token; the token itself never is. */
export interface ClientToken {
  /** When its authorization ends, in milliseconds since the epoch; the past for one that was revoked. */
  expiresAt: number;
  /** Milliseconds since the epoch, of the claim `iat`. */
  issuedAt: number;
  /** The topics that it subscribes the client to. */
  topics: readonly string[];
}

/** The identity of a client of which nothing is known but its API key. */
export const NO_IDENTITY: ClientIdentity = { user: null, info: null, may: null, seesPresence: [], token: null };

/** `expiresAt` of a client whose token was revoked. */
export const REVOKED_AT = 1;

/** Whether the authorization ended because its token was revoked, and not by itself. */
export function isRevoked({ expiresAt, issuedAt }: ClientToken): boolean {
  return expiresAt < issuedAt;
}

/** Fields of a client's hash; each is there only when there is something to keep. */
const field = {
  user: 'u',
  info: 'i',
  may: 'a',
  seesPresence: 'v',
  expiresAt: 't',
  issuedAt: 'j',
  tokenTopics: 'h',
  expirySeconds: 'w',
} as const;

type Values = Readonly<Record<string, string | undefined>>;

/** All of the fields with their values, '' for nothing. */
export function identityFields(identity: ClientIdentity): [string, string][] {
  const { user, info, may, seesPresence, token, expirySeconds } = identity;
  return [
    [field.user, user ?? ''],
    [field.info, info ?? ''],
    [field.may, may === null ? '' : JSON.stringify(may)],
    [field.seesPresence, seesPresence.length === 0 ? '' : JSON.stringify(seesPresence)],
    [field.expiresAt, token === null ? '' : String(token.expiresAt)],
    [field.issuedAt, token === null ? '' : String(token.issuedAt)],
    [field.tokenTopics, token === null || token.topics.length === 0 ? '' : JSON.stringify(token.topics)],
    [field.expirySeconds, expirySeconds === undefined ? '' : String(expirySeconds)],
  ];
}

export function decodeIdentity(values: Values): ClientIdentity {
  const { u: user, i: info, a: may, v: seesPresence, t: expiresAt, w: expirySeconds } = values;
  const known = user ?? info ?? may ?? seesPresence ?? expiresAt ?? expirySeconds;
  if (known === undefined) return NO_IDENTITY;
  return {
    user: user ?? null,
    info: info ?? null,
    may: may === undefined ? null : parsed<ClientMay>(may, {}),
    seesPresence: seesPresence === undefined ? [] : parsed<string[][]>(seesPresence, []),
    token: decodeToken(values),
    ...(expirySeconds === undefined ? {} : { expirySeconds: Number(expirySeconds) }),
  };
}

/** What is kept of a token. */
export function decodeToken({ t: expiresAt, j: issuedAt, h: topics }: Values): ClientToken | null {
  if (expiresAt === undefined) return null;
  return {
    expiresAt: Number(expiresAt),
    issuedAt: Number(issuedAt ?? 0),
    topics: topics === undefined ? [] : parsed<string[]>(topics, []),
  };
}

/** What cannot be read gives no right, and spoils no list of clients. */
function parsed<T>(text: string, nothing: T): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    return nothing;
  }
}
