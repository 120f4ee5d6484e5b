import { CONNECT_PATH, CREDENTIAL_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from '@holdfast/protocol/version';
import type { HandshakeConditions } from '../scenario/scenario.ts';
import type { Handshake } from '../server/edge.ts';
import { Failure, shown } from './failure.ts';

/** A timer of the client may be early by its resolution. */
const TIMER_SLACK_MS = 20;

export interface Before {
  /** Number of the edge of the last handshake. */
  edge: number | undefined;
  /** When the last connection ended, or was refused. */
  endedAt: number | undefined;
}

/** Raises a Failure when a handshake is not as section 2 has it, or not as the step demands. */
export function judgeHandshake(
  handshake: Handshake,
  clientId: string,
  conditions: HandshakeConditions,
  before: Before,
): void {
  const { path, query, clientIds, offered, edge, at } = handshake;
  if (path !== CONNECT_PATH) throw new Failure(`the path ${CONNECT_PATH}`, path);
  if (clientIds.length === 0 || clientIds.some((id) => id !== clientId)) {
    throw new Failure(`the client id ${clientId}`, clientIds.join(' and ') || 'none');
  }
  for (const name of ['resume', 'presence']) {
    const value = query.get(name);
    if (value !== null && value !== '0' && value !== '1')
      throw new Failure(`${name}=0 or ${name}=1`, `${name}=${value}`);
  }
  const isInSubprotocol = offered.some((name) => name.startsWith(CREDENTIAL_SUBPROTOCOL_PREFIX));
  if ((conditions.subprotocol === true || isInSubprotocol) && !offered.includes(SUBPROTOCOL)) {
    throw new Failure(`the subprotocol ${SUBPROTOCOL} among those offered`, offered.join(', ') || 'none');
  }
  if (conditions.resume === true && !announces(handshake, 'resume')) {
    throw new Failure('a connection with resume=1', queryOf(handshake));
  }
  if (conditions.presence !== undefined && announces(handshake, 'presence') !== conditions.presence) {
    throw new Failure(`a connection ${conditions.presence ? 'with' : 'without'} presence=1`, queryOf(handshake));
  }
  if (conditions.edge === 'same' && edge !== before.edge) throw new Failure('the same URL', 'another one');
  if (conditions.edge === 'another' && edge === before.edge) throw new Failure('another URL', 'the same one again');
  const { notBeforeMs } = conditions;
  if (notBeforeMs !== undefined && before.endedAt !== undefined) {
    notBefore(at - before.endedAt, notBeforeMs, 'a handshake');
  }
}

export function announces(handshake: Handshake, name: 'resume' | 'presence'): boolean {
  return handshake.query.get(name) === '1';
}

/** Raises a Failure when something came too early. */
export function notBefore(afterMs: number, notBeforeMs: number, what: string): void {
  if (afterMs < notBeforeMs - TIMER_SLACK_MS) {
    throw new Failure(`${what} no earlier than after ${notBeforeMs} ms`, `it after ${Math.round(afterMs)} ms`);
  }
}

/** Raises a Failure when something came too late. */
export function notAfter(afterMs: number, withinMs: number, what: string): void {
  if (afterMs > withinMs) throw new Failure(`${what} within ${withinMs} ms`, `it after ${Math.round(afterMs)} ms`);
}

export function describeHandshake(handshake: Handshake): string {
  const offered = handshake.offered.join(', ');
  return `a handshake at edge ${handshake.edge + 1} with ${queryOf(handshake)}${offered && `, offering ${shown(offered)}`}`;
}

function queryOf({ query }: Handshake): string {
  return `?${query.toString()}`;
}
