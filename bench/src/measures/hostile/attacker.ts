import type { HoldfastInstallation } from '../../peers/holdfast-installation.ts';

/** What a hostile caller does, over and over, for as long as it is let. */
export interface Flood {
  port: number;
  sockets: number;
  /** Whole requests, sent one after the other. */
  requests: readonly string[];
  /** How many it sends before it has an answer. */
  ahead: number;
  /** False: it never reads, and sends as much as is taken. */
  reads: boolean;
}

/** One kind of hostile caller. Each is a file of its own, listed in attackers.ts. */
export interface Attacker {
  /** The beginning of its figures' ids. */
  id: string;
  title: string;
  /** Makes what it needs, and says what it does. */
  prepare: (installation: HoldfastInstallation) => Promise<Flood>;
}

/** A request without a body. */
export function get(path: string, headers: Readonly<Record<string, string>> = {}): string {
  return request('GET', path, headers, '');
}

/** A request with a body of JSON. */
export function request(method: string, path: string, headers: Readonly<Record<string, string>>, body: string): string {
  const all = { host: 'x', ...headers, ...(body === '' ? {} : { 'content-type': 'application/json' }) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === '' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body}`;
}
