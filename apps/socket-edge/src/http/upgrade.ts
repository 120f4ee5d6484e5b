import type { ProblemCode } from '@holdfast/protocol/problems';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import { traceClaim } from '@holdfast/service/tracing';
import type { Edge } from '../edge.ts';
import { authorizationFault } from '../client/authorization.ts';
import { claimTraces } from '../connection/claim-traces.ts';
import type { Claim } from '../connection/claim.ts';
import { type Handshake, pathOf, readHandshake } from './handshake.ts';
import { Batcher } from '../schedule/batcher.ts';
import { type Refusal, type RefusalLimit, jitteredRetryAfter, refusal, refuse } from './refusal.ts';
import { type SocketServer, bindSocket } from '../transport/ws-transport.ts';

/** Node puts no time-out on an upgrade request; a claim takes milliseconds. */
const HANDSHAKE_DEADLINE_MS = 10_000;
/**
 * Claims asked of Redis at a time. Their answers come together and are worked off in one go: more would hold up
 * everything else for noticeably long.
 */
const MAX_CLAIMS = 64;
/**
 * Between two batches of claims. A write to Redis and the read of its answer cost as much as three claims: under load twelve
 * share them so, in place of four, for a millisecond of waiting that one alone does not have.
 */
const CLAIMS_EVERY_MS = 2;
/**
 * Handshakes from addresses that had too many refused wait in a line of their own: a good credential passes also from
 * there, and a flood of bad ones delays no others.
 */
const MAX_SUSPECTS = 1000;
/** Handshakes that wait for their turn, each with its socket and its request: a bound for the memory of that. */
const MAX_PENDING = 10_000;
/**
 * A handshake that has waited for so long is a sign of overload, for a moment: a slow Redis and a busy edge both
 * show in it. New clients are then better served by an answer with a time to retry. Before that a
 * refusal would cost nearly as much as what is refused, and bring the client back for another one.
 */
const LONG_WAIT_MS = 4000;
const BUSY_MS = 500;
const RETRY_AFTER_SECONDS = { full: 10, draining: 1, busy: 3, redisAway: 2 } as const;

export interface UpgradeOptions {
  edge: Edge;
  sockets: SocketServer;
  limit: RefusalLimit;
  allowedOrigins: readonly string[];
  /** Whether idle plain-TCP sockets are written past their streams. */
  directWrites: boolean;
  /** The address a request came from, behind trusted proxies. */
  addressOf: (request: IncomingMessage) => string;
  onError: (error: unknown) => void;
}

/** A handshake whose claim was won. */
interface WonHandshake {
  claimed: Claim;
  handshake: Handshake;
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

/**
 * Returns the handler of upgrade requests. Those of the native protocol it refuses in HTTP, or claims the client and opens
 * its connection; a door has its own.
 */
export function upgradeHandler(options: UpgradeOptions) {
  const { door } = options.edge;
  const { edge, sockets, limit, allowedOrigins, directWrites, addressOf, onError } = options;
  const claims = new Batcher(MAX_CLAIMS, { everyMs: CLAIMS_EVERY_MS });
  const suspects = new Batcher(MAX_CLAIMS, { everyMs: CLAIMS_EVERY_MS });
  let pending = 0;
  let suspectsPending = 0;
  let busyUntil = 0;

  async function admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<Refusal | null> {
    try {
      // To look an address up is a system call, and a good handshake never needs it.
      const address = limit.quiet ? null : addressOf(request);
      const blockedFor = address === null ? null : await limit.blockedFor(address);
      const refused = await judge(request, socket, head, blockedFor !== null);
      if (refused === null || refused.problem.status >= 500 || isOfClient(refused)) return refused;
      await limit.count(address ?? lateAddress(request));
      return blockedFor === null ? refused : tooManyRefused(blockedFor);
    } catch (error) {
      if (error instanceof RedisUnavailable) return redisAway();
      onError(error);
      return refusal('internal-error');
    }
  }

  /** @param suspect whether its address had too many handshakes refused: it has to wait until the others are done, no more */
  function judge(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    suspect: boolean,
  ): Refusal | null | Promise<Refusal | null> {
    const outcome = readHandshake(request, allowedOrigins);
    if (!outcome.ok) return outcome.refusal;
    const { handshake } = outcome;
    const cannot = cannotTake() ?? tooMany() ?? tooOften(handshake.clientId);
    if (cannot !== null) return cannot;
    if (!suspect) return claim(claims, handshake, request, socket, head);
    if (suspectsPending >= MAX_SUSPECTS) return refusal('unknown-client');
    suspectsPending += 1;
    return claim(suspects, handshake, request, socket, head).finally(() => {
      suspectsPending -= 1;
    });
  }

  /** A socket that has closed has no address any more; from now on addresses are looked up beforehand. */
  function lateAddress(request: IncomingMessage): string {
    return request.socket.destroyed ? 'gone' : addressOf(request);
  }

  function cannotTake(): Refusal | null {
    if (edge.draining) return refusal('edge-draining', {}, jitteredRetryAfter(RETRY_AFTER_SECONDS.draining));
    if (!edge.known) return redisAway();
    if (edge.full) return refusal('edge-full', {}, jitteredRetryAfter(RETRY_AFTER_SECONDS.full));
    return null;
  }

  function tooMany(): Refusal | null {
    const long = pending > MAX_PENDING || (pending > MAX_CLAIMS && performance.now() < busyUntil);
    return long ? refusal('edge-busy', {}, jitteredRetryAfter(RETRY_AFTER_SECONDS.busy)) : null;
  }

  function tooOften(clientId: string): Refusal | null {
    const seconds = edge.resumes.blockedFor(clientId);
    return seconds === null ? null : refusal('too-many-resumes', {}, { 'Retry-After': String(seconds) });
  }

  async function claim(
    batcher: Batcher,
    handshake: Handshake,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<Refusal | null> {
    const { hub, slicer } = edge;
    const begun = performance.now();
    using claimed = await traceClaim((span) =>
      batcher.run(async () => {
        if (batcher === claims && performance.now() - begun > LONG_WAIT_MS) busyUntil = performance.now() + BUSY_MS;
        // A client that has gone may be connected elsewhere by now: a claim would take it from there.
        const won = socket.destroyed ? undefined : await hub.claim(handshake.clientId);
        if (won && span.traceparent !== '') claimTraces.set(won.client, span.traceparent);
        return won;
      }),
    );
    if (claimed === undefined) return null;
    if (claimed === null) return refusal('unknown-client');
    const fault = authorizationFault(claimed.client.identity);
    if (fault !== null) return refusal(fault, { detail: 'Register the client again with a new token' });
    const won: WonHandshake = { claimed, handshake, request, socket, head };
    if (hub.isSubscribed(claimed)) return complete(won, true);
    const subscribed = await hub.whenSubscribed(claimed);
    // Thousands may have waited for the same topic. Awaited here, for the claim ends with this function.
    return await slicer.run(() => complete(won, subscribed));
  }

  /** Finishes a handshake whose claim was won, or returns why it cannot be. */
  function complete({ claimed, handshake, request, socket, head }: WonHandshake, subscribed: boolean): Refusal | null {
    const { hub } = edge;
    // While Redis was asked, others may have taken the last place.
    const refused = socket.destroyed ? null : subscribed ? cannotTake() : redisAway();
    if (refused !== null || socket.destroyed) return refused;
    edge.resumes.onHandshake(handshake.clientId, handshake.resume ? claimed.client.topics.size : 0);
    writeForWs(request, handshake);
    // The answer and the welcome, if that comes in this tick, leave as one write.
    socket.cork();
    process.nextTick(uncork, socket);
    socket.removeListener('error', destroy);
    sockets.handleUpgrade(request, socket, head, (ws) => {
      bindSocket(ws, socket, {
        handler: hub,
        direct: directWrites,
        open: (transport) => claimed.open(transport, handshake.resume, handshake.presence),
      });
    });
    return null;
  }

  return async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    if (door?.has(pathOf(request))) {
      door.take(request, socket, head);
      return;
    }
    // Before anything else: a reset while the handshake is being checked would otherwise end the process.
    socket.on('error', destroy);
    const deadline = setTimeout(() => socket.destroy(), HANDSHAKE_DEADLINE_MS);
    pending += 1;
    // Thousands of requests may be read in one turn of the event loop: there they are only noted.
    const refused = await edge.slicer.run(() => (socket.destroyed ? null : admit(request, socket, head)));
    pending -= 1;
    clearTimeout(deadline);
    if (refused === null) return;
    const { code } = refused.problem;
    edge.refusals.set(code, (edge.refusals.get(code) ?? 0) + 1);
    refuse(socket, refused);
  };
}

/** ws takes these two headers in fewer forms than there are: they are read by now, and written for it as it wants them. */
function writeForWs({ headers }: IncomingMessage, { offered }: Handshake): void {
  headers.upgrade = 'websocket';
  if (offered.length > 0) headers['sec-websocket-protocol'] = offered.join(', ');
}

/** Codes of refusals that are about a known client. */
const OF_CLIENT: ReadonlySet<string> = new Set<ProblemCode>(['too-many-resumes', 'token-expired', 'token-revoked']);

/** Whether it is about a known client, and no fault of its address. */
function isOfClient({ problem }: Refusal): boolean {
  return OF_CLIENT.has(problem.code);
}

function tooManyRefused(seconds: number): Refusal {
  return refusal('too-many-handshakes', {}, { 'Retry-After': String(seconds) });
}

/** One function for all sockets: a closure would stay with each. */
function destroy(this: Duplex): void {
  this.destroy();
}

function uncork(socket: Duplex): void {
  socket.uncork();
}

function redisAway(): Refusal {
  return refusal('redis-unavailable', {}, jitteredRetryAfter(RETRY_AFTER_SECONDS.redisAway));
}
