/** From the end of a token to the close of its connection, as section 8 of the protocol has it. */
export const LEEWAY_MS = 30_000;
/** How late a close may be: an edge looks once a second, and the machine is busy. */
const LATE_MS = 3000;
const REVOKED_WITHIN_MS = 1000;
const BUSY_MS = 500;
const EXPIRED = 4401;
const FORBIDDEN = 403;

/** What became of one client of tokens. Times are in milliseconds since 1970, as those of tokens are. */
export interface HolderLog {
  name: string;
  /** It renews its tokens; or lets its only one end; or is revoked. */
  kind: 'renews' | 'ends' | 'revoked';
  /** The end of its last token. */
  expiresAt: number;
  /** When its revocation was asked for, and answered. */
  revoked?: { askedAt: number; answeredAt: number };
  /** Until then its edge stood still. */
  heldUntil: number;
  opened: readonly number[];
  closed: readonly { at: number; code: number }[];
  /** What is answered to its UUID afterwards: HTTP statuses of handshakes and calls. */
  later: readonly number[];
}

/** Compares connections with what they were authorized to. Gives what is broken, each as a sentence. */
export function judgeHolders(holders: readonly HolderLog[]): string[] {
  return holders.flatMap((holder) => {
    const { name, kind } = holder;
    const wrong = kind === 'renews' ? wrongOfRenewed(holder) : wrongOfEnded(holder);
    return wrong.map((what) => `the client ${name} ${what}`);
  });
}

function wrongOfRenewed({ opened, closed }: HolderLog): string[] {
  const ends = closed.map(({ code }) => `renewed in time, and was closed with ${code}`);
  return opened.length > 0 ? ends : [...ends, 'was never connected'];
}

function wrongOfEnded(holder: HolderLog): string[] {
  const { kind, revoked, expiresAt, heldUntil, closed, later } = holder;
  const [first, ...more] = closed;
  if (first === undefined) return [`was not closed when its authorization was ${kind === 'ends' ? 'over' : 'revoked'}`];
  const wrong: string[] = [];
  const notBefore = kind === 'ends' ? expiresAt : (revoked?.askedAt ?? Infinity);
  const dueAt = kind === 'ends' ? expiresAt + LEEWAY_MS : (revoked?.answeredAt ?? Infinity) + REVOKED_WITHIN_MS;
  const latestAt = Math.max(dueAt, heldUntil) + (kind === 'ends' ? LATE_MS : BUSY_MS);
  if (first.code !== EXPIRED) wrong.push(`was closed with ${first.code}`);
  if (more.length > 0) wrong.push('was connected again');
  if (first.at < notBefore) wrong.push(`was closed ${Math.round(notBefore - first.at)} ms too early`);
  if (first.at > latestAt) wrong.push(`was closed ${Math.round(first.at - latestAt)} ms too late`);
  const taken = later.filter((status) => status !== FORBIDDEN);
  if (taken.length > 0) wrong.push(`was answered with ${taken.join(', ')} afterwards`);
  return wrong;
}
