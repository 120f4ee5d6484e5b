/** What a message says: its token, and filling that follows from it. */
interface Payload {
  n: string;
  pad: string;
}

/** The payload for a token, filled up to so many characters. */
export function payloadOf(token: string, filling: number): Payload {
  return { n: token, pad: token.repeat(Math.ceil(filling / token.length)).slice(0, filling) };
}

/** The token of a payload that came; for one that is not what its token says, something that nobody published. */
export function tokenOf(data: unknown): string {
  if (typeof data === 'object' && data !== null && 'n' in data && 'pad' in data) {
    const { n, pad } = data;
    if (typeof n === 'string' && n !== '' && typeof pad === 'string' && payloadOf(n, pad.length).pad === pad) return n;
  }
  return 'damaged';
}
