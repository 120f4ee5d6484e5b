const KIB = 1024;

/** A published value. Small enough that one message never stalls a connection, as PubSub systems commonly bound it. */
export const MAX_MESSAGE_BYTES = 64 * KIB;
/** A frame from a client: a ping, or positions of a resume, which comes in as many frames as it needs. */
export const MAX_CLIENT_FRAME_BYTES = 64 * KIB;
/** Topics in one call, and topics a client may have: one client's state stays readable in one go. */
export const MAX_TOPICS = 1000;
/** Positions in the `resume` frames of one connection: those of as many topics, and of the client's own. */
export const MAX_RESUME_POSITIONS = MAX_TOPICS + 1;
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
