import { pusherKey } from '@holdfast/protocol/pusher-app';
import { type HandshakeRequest, checkOrigin, targetOf } from '../http/handshake.ts';
import { type Fault, closings } from './faults.ts';

const PREFIX = '/app/';
const NUMBER = /^\d{1,9}(\.\d{1,9})?$/;
const VERSIONS = { first: 5, last: 7 } as const;

/** Whether a request is for this door, well-formed or not. */
export function isAppPath(path: string): boolean {
  return path.startsWith(PREFIX);
}

/** The key of the app, or why the connection is closed as soon as it is open. */
export type AppHandshake = { ok: true; key: string } | { ok: false; fault: Fault };

/**
 * Reads what a WebSocket handshake at `/app/{key}` asks for. Whatever is wrong with it is a close code: a client that is
 * refused in HTTP comes back after 15 s, 30 s and 60 s, however soon it could be served. Unknown parameters are ignored.
 */
export function readAppHandshake(request: HandshakeRequest, allowedOrigins: readonly string[]): AppHandshake {
  const { path, query } = targetOf(request.url ?? '');
  const key = path.slice(PREFIX.length);
  const fault =
    key === '' || key.includes('/')
      ? closings.badPath
      : (originFault(request, allowedOrigins) ?? versionFault(new URLSearchParams(query).get('protocol')));
  if (fault !== null) return { ok: false, fault };
  return pusherKey.safeParse(key).success ? { ok: true, key } : { ok: false, fault: closings.unknownApp };
}

/** A page of another origin stops for ever. */
function originFault(request: HandshakeRequest, allowed: readonly string[]): Fault | null {
  return checkOrigin(request, allowed) === null ? null : closings.badOrigin;
}

function versionFault(version: string | null): Fault | null {
  if (version === null || version === '') return closings.noVersion;
  if (!NUMBER.test(version)) return closings.badVersion;
  const number = Number(version);
  return number >= VERSIONS.first && number <= VERSIONS.last ? null : closings.unsupportedVersion;
}
