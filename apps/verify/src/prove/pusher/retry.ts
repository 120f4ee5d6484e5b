/** What pusher-js 8.6 does when a connection ends, as measured in Node and in Chromium. */

/** Milliseconds until the next handshake; null: it never comes again. */
export type Pause = number | null;

const A_SECOND = 1000;
/** How long one attempt may take; past the last one it stays so long. */
const ATTEMPT_MS = [15_000, 30_000, 60_000];

/** After a connection that was open ended with this code, or with a `pusher:error` of it as the first frame. */
export function pauseAfter(code: number): Pause {
  // 4000 has it try TLS, which is at once as well.
  if (code === 4000) return 0;
  if (code > 4000 && code < 4100) return null;
  if (code >= 4200 && code < 4300) return 0;
  return code >= 4300 ? null : A_SECOND;
}

/**
 * The time that an attempt has, counted from 0. One that is refused in HTTP, or finds nothing that listens, is followed by
 * the next when that time is over; so is one that gets no `connection_established`.
 */
export function attemptMs(failures: number): number {
  return ATTEMPT_MS[Math.min(failures, ATTEMPT_MS.length - 1)] ?? 0;
}
