import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { newCounters } from '../counters.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { someClaim } from '../testing/some-claim.ts';
import { type SubscribedTopic, Subscription } from '../topic/subscription.ts';
import { Connection } from './connection.ts';

const CONNECTIONS = 10_000;
const ROUNDS = 5;
/**
 * 256 a connection, 96 its set of subscriptions, 80 the subscription, 64 its id, generation and digest, 8 its place here.
 * A field more in either class is 8 more: a feature that most connections do not use gets none, or null.
 */
const MOST_BYTES = 506;
/** Microseconds, and 52 bits: neither is a small integer. */
const GENERATION = 1_795_915_805_752_000;
const DIGEST = 2 ** 51;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const topic = { name: 'news', join: () => undefined, leave: () => undefined } as unknown as SubscribedTopic;
const transport = new RecordingTransport();
const counters = newCounters();

function openConnection(index: number): Connection {
  const claim = { ...someClaim('client', GENERATION + index), digest: DIGEST + index };
  const connection = new Connection(claim, transport, 'attaching', counters);
  connection.begin(0);
  connection.subscribe(new Subscription(topic, connection, '0-0 0', '0-0'));
  return connection;
}

/** Bytes of the heap for each of so many open connections, which are garbage after it. */
function measure(): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const connections = Array.from({ length: CONNECTIONS }, (_, index) => openConnection(index));
  collectGarbage();
  return (process.memoryUsage().heapUsed - before) / connections.length;
}

it('an open connection with a topic takes so much of the heap at most', () => {
  // The first ones show V8 which fields the classes have. What it compiles meanwhile is counted too, but not each time.
  const rounds = Array.from({ length: ROUNDS }, () => measure());
  expect(Math.min(...rounds.slice(1))).toBeLessThanOrEqual(MOST_BYTES);
});
