/** What JWTs hold of the time, in seconds (RFC 7519, section 4.1). */
interface Claims {
  exp?: unknown;
  iat?: unknown;
}

/**
 * How long a token is valid from now on, in milliseconds. The clock of the device is not asked: it may be wrong by hours.
 * The end is compared with the server's time in the `Date` header, or, where a page is not shown that header, the whole
 * life of the token is taken, which `welcome` corrects. Infinity when neither is known.
 */
export function tokenLifeMs(token: string, expiresAt: string | undefined, date: string | null): number {
  const leftMs = Date.parse(expiresAt ?? '') - Date.parse(date ?? '');
  if (!Number.isNaN(leftMs)) return leftMs;
  const { exp, iat } = claimsOf(token);
  return typeof exp === 'number' && typeof iat === 'number' ? (exp - iat) * 1000 : Infinity;
}

function claimsOf(token: string): Claims {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    return { ...(JSON.parse(atob(payload)) as Claims | null) };
  } catch {
    // Control-api judges tokens; here only a time is looked for.
    return {};
  }
}

/** Measures time across the sleep of a machine. */
export class Stopwatch {
  readonly #ticks = performance.now();
  readonly #wall = Date.now();

  /**
   * The monotonic clock stands still on some platforms while the machine sleeps, and the other may be set: of the two the
   * later counts.
   */
  get elapsedMs(): number {
    return Math.max(performance.now() - this.#ticks, Date.now() - this.#wall);
  }
}
