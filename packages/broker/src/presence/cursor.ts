/** Where a page of members goes on. */
export interface PresenceCursor {
  /** Edges with names before this one are done. */
  edge: string;
  /** Of HSCAN, within the members of this edge. */
  scan: string;
  /** Of what that scan gives, in the order of ids, those up to this one are done. */
  after: string;
}

const MAX_SCAN = 2n ** 64n;

export function encodeCursor({ edge, scan, after }: PresenceCursor): string {
  return Buffer.from(JSON.stringify([edge, scan, after])).toString('base64url');
}

/** Null for what was never a cursor. */
export function decodeCursor(cursor: string): PresenceCursor | null {
  const parts = parsed(Buffer.from(cursor, 'base64url').toString());
  if (!Array.isArray(parts) || parts.length !== 3) return null;
  const [edge, scan, after] = parts as unknown[];
  if (typeof edge !== 'string' || typeof scan !== 'string' || typeof after !== 'string') return null;
  return /^\d{1,20}$/.test(scan) && BigInt(scan) < MAX_SCAN ? { edge, scan, after } : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
