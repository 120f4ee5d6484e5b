/** Debts are kept in whole ticks, so that V8 holds them as small integers: three numbers cost a connection 24 bytes. */
const TICK_MS = 100;
const TICKS_PER_SECOND = 1000 / TICK_MS;
/** A connection that was quiet may send as much at once as its rate allows in this time. */
export const BURST_SECONDS = 10;
/** For how long a connection may send more than its rate; meanwhile it is slowed down to the rate. */
export const GRACE_SECONDS = 5;

export interface FrameLimits {
  framesPerSecond: number;
  bytesPerSecond: number;
}

/** What one connection has sent lately. All zero for a connection that has sent nothing. */
export interface FrameDebt {
  /** Frames, times the ticks of a second. */
  frameDebt: number;
  /** Bytes of payload, times the ticks of a second. */
  byteDebt: number;
  /** The tick at which the debts were as they are. */
  debtAt: number;
  /** The tick since which it has sent more than its rate; 0 when it has not. */
  overSince: number;
}

export type Verdict =
  /** Within its rate and its burst. */
  | 'go'
  /** Beyond both: nothing more is read from it for a moment. */
  | 'wait'
  /** Beyond both for the whole grace. */
  | 'too-many';

/** How long a connection that has to wait is left alone, in milliseconds. */
export const WAIT_MS = TICK_MS;

/** Two token buckets for each connection, of frames and of bytes, kept as what has been taken out of them. */
export class FrameMeter {
  readonly #limits: FrameLimits;
  readonly #now: () => number;

  /** @param now a monotonic clock, in milliseconds */
  constructor(limits: FrameLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Charges a frame, of whatever kind, with so many bytes of payload. */
  charge(debt: FrameDebt, bytes: number): void {
    this.#payOff(debt);
    debt.frameDebt += TICKS_PER_SECOND;
    debt.byteDebt += bytes * TICKS_PER_SECOND;
  }

  /** Whether the frames that were charged so far may be worked on now. */
  verdict(debt: FrameDebt): Verdict {
    this.#payOff(debt);
    if (this.#bursts(debt) <= 1) return 'go';
    if (debt.overSince === 0) debt.overSince = debt.debtAt;
    return debt.debtAt - debt.overSince < GRACE_SECONDS * TICKS_PER_SECOND ? 'wait' : 'too-many';
  }

  /** Takes off what time has paid. */
  #payOff(debt: FrameDebt): void {
    const tick = Math.floor(this.#now() / TICK_MS);
    const ticks = tick - debt.debtAt;
    if (ticks === 0) return;
    debt.debtAt = tick;
    debt.frameDebt = paidOff(debt.frameDebt, ticks * this.#limits.framesPerSecond);
    debt.byteDebt = paidOff(debt.byteDebt, ticks * this.#limits.bytesPerSecond);
    // Half a burst has to be paid back before the grace starts anew: a connection held at the rate owes more than that.
    if (debt.overSince !== 0 && this.#bursts(debt) <= 0.5) debt.overSince = 0;
  }

  /** What it owes, in bursts. */
  #bursts({ frameDebt, byteDebt }: FrameDebt): number {
    const { framesPerSecond, bytesPerSecond } = this.#limits;
    return Math.max(frameDebt / framesPerSecond, byteDebt / bytesPerSecond) / (BURST_SECONDS * TICKS_PER_SECOND);
  }
}

function paidOff(debt: number, paid: number): number {
  return paid >= debt ? 0 : debt - paid;
}
