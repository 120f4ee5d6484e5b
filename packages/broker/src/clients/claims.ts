import type { Keys } from '../keys.ts';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { ClaimOutcome, ClaimRequest } from '../broker.ts';
import type { Commands } from '@holdfast/redis/commands';
import { answerOf, clientOf, listOf, text } from '../lua/replies.ts';
import { type Argument, run } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';
import type { EventWriter } from '../events/writer.ts';
import { randomStep } from '../random.ts';

const claimScript = loadScript('claim', 'client-events');

/**
 * While a script runs, Redis does nothing else. So many claims take it a fifth of a millisecond, or 18 when each client
 * has a thousand topics; larger batches gain nothing to speak of.
 */
const MAX_BATCH = 16;

interface Waiting extends ClaimRequest {
  resolve: (outcome: ClaimOutcome) => void;
  reject: (error: unknown) => void;
}

/**
 * Claims of the same moment go to Redis as one call of a script: a command for each, with its promise, its time-out and
 * its part of the answer, would be one of the dearest pieces of a handshake. Not on a Cluster: two clients hardly ever
 * share a slot, and while a slot moves to another node, neither node runs a script on a key that has gone and one that
 * has not.
 */
export function claimStore(redis: Commands, keys: Keys, events: EventWriter) {
  let waiting: Waiting[] = [];

  /** Rejects with RedisUnavailable. */
  function claim(request: ClaimRequest): Promise<ClaimOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<ClaimOutcome>();
    if (waiting.length === 0) queueMicrotask(() => sendAll());
    waiting.push({ ...request, resolve, reject });
    return promise;
  }

  function sendAll(): void {
    const requests = waiting;
    waiting = [];
    const most = redis.isCluster ? 1 : MAX_BATCH;
    for (let from = 0; from < requests.length; from += most) void send(requests.slice(from, from + most));
  }

  async function send(batch: readonly Waiting[]): Promise<void> {
    const touched = batch.map(({ clientId }) => keys.client(clientId));
    const args: Argument[] = [Date.now(), randomStep()];
    for (const { edge, generation = 0, incarnation = '', digest = 0 } of batch) {
      args.push(edge, generation, incarnation, digest);
    }
    const streams = streamsOf(batch);
    if (streams[0] !== undefined) {
      touched.push(...streams.map(({ stream }) => stream));
      args.push(streams[0].types);
    }
    try {
      const answers = listOf('claim', await run(redis, claimScript, touched, args), batch.length);
      for (const [index, request] of batch.entries()) complete(request, answers[index]);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    for (const stream of streams) events.written(stream);
  }

  /** For each of the clients where its events are written; none when none are wanted. */
  function streamsOf(batch: readonly Waiting[]) {
    if (events.isEmpty()) return [];
    const streams = batch.map(({ clientId }) => events.ofClient(clientId, 'client.connected', 'client.disconnected'));
    return streams.filter((stream) => stream !== null);
  }

  return { claim };
}

function complete({ clientId, resolve, reject }: Waiting, answer: unknown): void {
  try {
    resolve(outcomeOf(clientId, answer));
  } catch (error) {
    reject(error);
  }
}

function outcomeOf(clientId: string, answer: unknown): ClaimOutcome {
  const { kind, rest } = answerOf('claim', answer);
  if (kind === 4) return { kind: 'unchanged' };
  if (kind === 3) throw new RedisUnavailable(new Error(text(rest[0])));
  const [generation, digest, fields] = rest;
  const client = clientOf(clientId, fields);
  if (kind === 0 || client === null) return { kind: 'not-found' };
  const state = { client, generation: Number(generation), digest: Number(digest) };
  return kind === 2 ? { kind: 'owned-by-other', ...state } : { kind: 'claimed', ...state };
}
