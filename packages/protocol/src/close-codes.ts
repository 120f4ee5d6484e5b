/** WebSocket close codes (RFC 6455, section 7.4) with what the client does next. */
export const closeCodes = {
  restarting: { code: 1012, reason: 'restarting', next: 'reconnect-after-delay' },
  tryLater: { code: 1013, reason: 'try-later', next: 'reconnect-with-backoff' },
  badFrame: { code: 4400, reason: 'bad-frame', next: 'stop' },
  expired: { code: 4401, reason: 'authorization expired', next: 'authorize-again' },
  disconnected: { code: 4403, reason: 'disconnected by an operator', next: 'stop' },
  tooSlow: { code: 4408, reason: 'too slow', next: 'reconnect' },
  replaced: { code: 4409, reason: 'replaced by a newer connection', next: 'stop' },
  unregistered: { code: 4410, reason: 'unregistered', next: 'register-again' },
  tooManyFrames: { code: 4429, reason: 'too-many-frames', next: 'reconnect-with-backoff' },
} as const;

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** What a client does after its connection closed with one of our codes. */
export type AfterClose = CloseCode['next'];

const byCode = new Map<number, CloseCode>(Object.values(closeCodes).map((entry) => [entry.code, entry]));

/** What a client does after a close: every code not in the table (such as 1006 for a cut connection) means reconnect and resume. */
export function afterClose(code: number): AfterClose {
  return byCode.get(code)?.next ?? 'reconnect';
}

const RETRY_AFTER = /^retry-after-ms=(\d{1,9})$/;

/** The reason of a 1012: how long to wait, in milliseconds, before the next connection. */
export function retryAfterReason(delayMs: number): string {
  return `retry-after-ms=${Math.round(delayMs)}`;
}

/** The delay in a close reason, in milliseconds; undefined when it holds none. */
export function parseRetryAfter(reason: string): number | undefined {
  const digits = RETRY_AFTER.exec(reason)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
