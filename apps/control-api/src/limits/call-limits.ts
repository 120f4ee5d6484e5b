import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type KeyRing, presentedKey } from '../auth/authentication.ts';
import { ProblemError } from '../http/problem-error.ts';
import { type ServerLimits, addressKey } from '../http/server.ts';
import { clientPath } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { CallerGone } from './bulk-reads.ts';
import { ByteBudget } from './byte-budget.ts';
import { FairQueue, type TurnLimits } from './fair-queue.ts';
import type { ChargeTopics } from './client-rates.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the call counts for: its API key or its token when that is valid, else the address it comes from. */
    caller: string;
    /** Whether the call came with a valid API key. */
    withKey: boolean;
    /** Gives its turn back before it is answered: for a call that only waits. */
    leaveTurn: () => void;
    /** Counts the call for another caller from here on, and waits for its turn there. */
    countFor: (caller: string) => Promise<void>;
    /** The same for an API key, as if the call had come with it. */
    countForKey: (id: string) => Promise<void>;
    /** Reserves bytes of the budget until the answer has been sent. */
    holdBytes: (bytes: number) => void;
    /** Charges the client for the topics that its call reads. */
    chargeTopics: ChargeTopics;
  }
}

export interface CallLimits {
  /** Calls under way of one key, those that wait for their turn included. */
  readonly maxCallsPerKey: number;
  /** Bytes of bodies and answers in memory. */
  readonly maxBytesInFlight: number;
}

/** Enough to keep a Redis busy that is far away. */
const KEY_CONCURRENCY = 64;
/** Of all clients behind an address, and of one user with tokens; some calls wait for an edge, up to 1.5 s. */
const ADDRESS_CONCURRENCY = 32;
/** Of an address each connection has one call, and connections are counted. */
const ADDRESS_TOTAL = Infinity;

const OF_ADDRESS: TurnLimits = { concurrent: ADDRESS_CONCURRENCY, total: ADDRESS_TOTAL };

function callerOfKey(id: string): string {
  return `key ${id}`;
}

/** Shares the process fairly among callers, and bounds the bytes of bodies and answers. Comes before all other hooks. */
export const callLimits = fp<{ keys: KeyRing; limits: CallLimits }>(async (app, { keys, limits }) => {
  const queue = new FairQueue();
  const ofKey: TurnLimits = { concurrent: KEY_CONCURRENCY, total: limits.maxCallsPerKey };
  const budget = new ByteBudget(limits.maxBytesInFlight);
  app.decorateRequest('caller', '');
  app.decorateRequest('withKey', false);
  app.decorateRequest('leaveTurn', () => undefined);
  app.decorateRequest('countFor', async () => undefined);
  app.decorateRequest('countForKey', async () => undefined);
  app.decorateRequest('holdBytes', () => undefined);
  app.decorateRequest('chargeTopics', () => undefined);

  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.probe === true) return;
    const key = validKey(keys, request);
    request.withKey = key !== null;
    request.caller = key === null ? addressKey(request.ip) : callerOfKey(key);
    request.holdBytes = (bytes) => whenSent(reply, budget.hold(request.caller, bytes));
    await queue.enter(request.caller, key === null ? OF_ADDRESS : ofKey);
    // Null while it waits for its turn, and when it has given it back.
    let turnOf: string | null = request.caller;
    request.leaveTurn = () => {
      if (turnOf !== null) queue.leave(turnOf);
      turnOf = null;
    };
    whenSent(reply, request.leaveTurn);
    const countFor = async (caller: string, turns: TurnLimits): Promise<void> => {
      request.leaveTurn();
      request.caller = caller;
      await queue.enter(caller, turns);
      turnOf = caller;
      if (!isGone(reply)) return;
      request.leaveTurn();
      throw new CallerGone();
    };
    request.countFor = (caller) => countFor(caller, OF_ADDRESS);
    request.countForKey = (id) => {
      request.withKey = true;
      return countFor(callerOfKey(id), ofKey);
    };
    if (isGone(reply)) throw new CallerGone();
  });

  app.addHook('preParsing', async (request) => {
    const bytes = announcedBytes(request);
    if (bytes === 0) return;
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      throw new ProblemError('unsupported-encoding', { detail: `Send the body as it is, not as ${encoding}` });
    }
    request.holdBytes(bytes);
  });
});

/** A connection has one call at a time: one that goes on past its rate gets ten refusals a second, and not thousands. */
const REFUSED_AFTER_MS = 100;

/**
 * A hook for the calls that are made by a client id alone: takes each from the client's rate before its body is read, and
 * refuses one past it a moment later; a valid API key has no rate.
 */
export function callOfClient({ rates }: Pick<Services, 'rates'>) {
  return async (request: FastifyRequest): Promise<void> => {
    const { success, data } = clientPath.safeParse(request.params);
    // One that is no UUID is refused by its schema.
    if (!success || request.withKey) return;
    try {
      rates.take(data.clientId);
    } catch (error) {
      request.leaveTurn();
      await new Promise((resolve) => setTimeout(resolve, REFUSED_AFTER_MS));
      throw error;
    }
    request.chargeTopics = (topics) => rates.chargeTopics(data.clientId, topics);
  };
}

/** Whether the caller has closed its connection. */
export function isGone(reply: FastifyReply): boolean {
  return reply.raw.destroyed;
}

/** Calls back when the answer has been sent, or cannot be any more. */
function whenSent(reply: FastifyReply, done: () => void): void {
  if (isGone(reply)) done();
  else reply.raw.once('close', done);
}

function validKey(keys: KeyRing, request: FastifyRequest): string | null {
  const presented = presentedKey(request);
  if (presented === undefined) return null;
  try {
    return keys.check(presented).id;
  } catch (error) {
    // A call that needs the key answers what is wrong with it.
    if (error instanceof ProblemError) return null;
    throw error;
  }
}

/** How much of a body may have to be kept; a longer one is refused, and none of it kept. */
function announcedBytes({ headers, routeOptions }: FastifyRequest): number {
  const { bodyLimit } = routeOptions;
  if (headers['transfer-encoding'] !== undefined) return bodyLimit;
  return Math.min(Number(headers['content-length'] ?? 0), bodyLimit);
}

/** The limits that are settings. */
export interface ApiLimits extends CallLimits, Omit<ServerLimits, 'trustedProxies'> {
  /** Calls of one client by its id alone. */
  readonly clientCallsPerSecond: number;
}
