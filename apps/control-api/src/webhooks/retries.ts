const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How failed deliveries are tried again; times in ms. */
export interface RetrySchedule {
  readonly firstMs: number;
  readonly factor: number;
  readonly longestMs: number;
  /** The share of a wait that is random, either way. */
  readonly jitter: number;
  /** Once the endpoint takes other events, the longest wait since a delivery failed last. */
  readonly backMs: number;
  /** Since the first try: then the endpoint is disabled. */
  readonly giveUpMs: number;
}

/** After 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, then every hour: some thirty tries in a day. */
export const RETRIES: RetrySchedule = {
  firstMs: 5_000,
  factor: 3,
  longestMs: HOUR_MS,
  jitter: 0.2,
  backMs: 30_000,
  giveUpMs: DAY_MS,
};

/**
 * How long to wait after a try that failed.
 * @param tries so far, 1 or more
 */
export function retryDelay(
  { firstMs, factor, longestMs, jitter }: RetrySchedule,
  tries: number,
  random = Math.random(),
): number {
  const wait = Math.min(longestMs, firstMs * factor ** (tries - 1));
  return Math.round(wait * (1 + jitter * (2 * random - 1)));
}

/** What a `Retry-After` asks for, in ms from now, at most a day: seconds, or a date (RFC 9110, 10.2.3). */
export function retryAfterOf(header: string | undefined, now = Date.now()): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  const ms = /^\d{1,10}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  // Date.parse takes much that is no date of HTTP, such as "-1".
  if (Number.isNaN(ms) || !/^\d{1,10}$|^[A-Z][a-z]{2,8},? /.test(text)) return null;
  return Math.min(Math.max(ms, 0), DAY_MS);
}
