import { MAX_PAGE } from '@holdfast/protocol/limits';

/** Where a page of members goes on. */
export interface PresenceCursor {
  /** Edges with names before this one are done. */
  edge: string;
  /** Of HSCAN, within the members of this edge. */
  scan: string;
  /** The COUNT of that scan; 0 for any. */
  count: number;
  /** Of what that scan gives, in the order of ids, those up to this one are done. */
  after: string;
}

const MAX_SCAN = 2n ** 64n;
const PARTS = 4;

export function encodeCursor({ edge, scan, count, after }: PresenceCursor): string {
  return Buffer.from(JSON.stringify([edge, scan, count, after])).toString('base64url');
}

/** Null for what was never a cursor. */
export function decodeCursor(cursor: string): PresenceCursor | null {
  const parts = parsed(Buffer.from(cursor, 'base64url').toString());
  if (!Array.isArray(parts) || parts.length !== PARTS) return null;
  const [edge, scan, count, after] = parts as unknown[];
  if (typeof edge !== 'string' || typeof scan !== 'string' || typeof after !== 'string') return null;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > MAX_PAGE) return null;
  return /^\d{1,20}$/.test(scan) && BigInt(scan) < MAX_SCAN ? { edge, scan, count, after } : null;
}

/** Whether a text is a cursor, of this topic or another. */
export function isPresenceCursor(text: string): boolean {
  return decodeCursor(text) !== null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
