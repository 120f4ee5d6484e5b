/** So many renewals, about as many seconds, are compared: one of them went there and back without waiting anywhere. */
const KEPT = 10;

/**
 * How far this clock is from that of Redis, as NTP finds it (RFC 5905): Redis read its clock in the middle between the
 * question and the answer, give or take half of the time between them. The quickest answer of the last ones is the best.
 */
export class ClockDifference {
  readonly #samples: Sample[] = [];

  /**
   * @param askedAt when it was asked, by this clock, in milliseconds
   * @param answeredAt when the answer came
   * @param redisNow what it was by the clock of Redis
   */
  add(askedAt: number, answeredAt: number, redisNow: number): void {
    this.#samples.push({ ms: (askedAt + answeredAt) / 2 - redisNow, roundTripMs: answeredAt - askedAt });
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  /** This clock less that of Redis; undefined before the first answer. */
  get ms(): number | undefined {
    const [first, ...others] = this.#samples;
    return first && Math.round(others.reduce(quicker, first).ms);
  }
}

function quicker(best: Sample, other: Sample): Sample {
  return other.roundTripMs < best.roundTripMs ? other : best;
}

interface Sample {
  readonly ms: number;
  readonly roundTripMs: number;
}
