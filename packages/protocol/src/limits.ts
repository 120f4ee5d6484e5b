const KIB = 1024;

/** A published value. Small enough that one message never stalls a connection, as PubSub systems commonly bound it. */
export const MAX_MESSAGE_BYTES = 64 * KIB;
/** A frame from a client: a ping, or positions of a resume, which comes in as many frames as it needs. */
export const MAX_CLIENT_FRAME_BYTES = 64 * KIB;
/** Topics in one call, and topics a client may have: one client's state stays readable in one go. */
export const MAX_TOPICS = 1000;
/** Positions in the `resume` frames of one connection: those of as many topics, of the client's own and of its user's. */
export const MAX_RESUME_POSITIONS = MAX_TOPICS + 2;
export const MAX_BATCH_MESSAGES = 1000;
/** A batch as a whole; its messages each have their own bound. */
export const MAX_BATCH_BYTES = 16 * KIB * KIB;
/** One page of a listing or of a log. */
export const MAX_PAGE = 1000;
export const DEFAULT_PAGE = 100;
/**
 * A page in bytes, as it is answered. Redis does nothing else while it reads one: 3 to 5 ms for 1 MiB, 1 ms for this.
 */
export const MAX_PAGE_BYTES = 256 * KIB;
export const MAX_IDEMPOTENCY_KEY_LENGTH = 200;
/** How long an idempotency key is remembered. */
export const IDEMPOTENCY_SECONDS = 300;
/** The history of a topic that was created without one. */
export const DEFAULT_HISTORY = { size: 1000, seconds: 300 } as const;
export const MAX_HISTORY = { size: 1_000_000, seconds: 30 * 24 * 3600 } as const;
/** How long after the handshake an edge waits for the last `resume` frame of a connection that announced one. */
export const RESUME_DEADLINE_MS = 5000;
/** How often an edge pings; two unanswered end a connection. */
export const HEARTBEAT_MS = 25_000;
/** What others may be shown of a client. */
export const MAX_INFO_BYTES = KIB;
/** Patterns in one right of a client: they are kept with each client. */
export const MAX_PATTERNS = 100;
/** A token: proxies bound headers, mostly at 8 KiB. */
export const MAX_TOKEN_BYTES = 8 * KIB;
/** How far the clocks of who issues tokens and of Holdfast may be apart. */
export const TOKEN_LEEWAY_SECONDS = 30;
/** How long before its authorization ends an edge warns a client. */
export const EXPIRING_BEFORE_MS = 30_000;
/** How long a client of tokens is kept that is not connected, unless its API key says otherwise. */
export const TOKEN_CLIENT_EXPIRY_SECONDS = 7 * 24 * 3600;
/** What a registration may say of it, between a minute and ten years. */
export const CLIENT_EXPIRY_SECONDS = { min: 60, max: 10 * 365 * 24 * 3600 } as const;
/** How long a token may be valid, unless its API key says otherwise. */
export const DEFAULT_TOKEN_SECONDS = 3600;
/** The most that an API key may allow. */
export const MAX_TOKEN_SECONDS = 30 * 24 * 3600;
/** Users in one call. */
export const MAX_USERS = 100;
/** Members in one frame of presence. */
export const PRESENCE_FRAME_MEMBERS = 500;
/** Up to so many members a topic may show each; past its limit it shows how many there are. */
export const MAX_PRESENCE_LIMIT = 20_000;
export const DEFAULT_PRESENCE = { by: 'user', show: 'members', limit: 1000, graceSeconds: 5 } as const;
export const MAX_GRACE_SECONDS = 60;
/** Between two changes of a topic's presence that are sent: of members, and past the limit of the count. */
export const PRESENCE_EVERY_MS = 250;
export const PRESENCE_COUNT_EVERY_MS = 5000;
