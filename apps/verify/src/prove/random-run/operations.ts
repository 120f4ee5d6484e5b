import type { RedisKind } from '@holdfast/local/redis-kind';
import type { Resume } from '../actors/actor.ts';
import { PRESENCE_TOPIC } from '../presence/log.ts';
import { drawSome, seededRandom } from '@holdfast/harness/random';

/** What is hurt, by name. `edge` and `control` count from 0; times are in milliseconds. */
export type FaultName =
  | 'edge-freeze'
  | 'edge-kill'
  | 'edge-restart'
  | 'control-kill'
  | 'redis-freeze'
  | 'redis-kill'
  | 'redis-rollback'
  | 'redis-empty'
  | 'redis-clock'
  | 'service-clocks'
  | 'subscribers-cut'
  | 'callers-cut'
  | 'scripts-flushed'
  | 'edge-cut-off'
  | 'edge-slow'
  | 'control-slow';

/** One thing to do: not before `at` (ms), and not before what its lane has before it. */
export type Operation = { at: number; lane: string } & (
  | { do: 'subscribe' | 'unsubscribe' | 'register'; actor: number; topics: readonly number[] }
  | { do: 'unregister' | 'disconnect' | 'view'; actor: number }
  | { do: 'connect'; actor: number; edge: number; resume: Resume; share: number }
  | { do: 'twins'; actor: number; edges: readonly number[] }
  | { do: 'hang-up'; actor: number; how: 'goodbye' | 'cut' }
  | { do: 'publish' | 'publish-idempotent'; topic: number }
  | { do: 'publish-batch'; lists: readonly (readonly number[])[] }
  | { do: 'publish-to-client'; actor: number }
  | { do: 'renew'; topic: number; pauseMs: number }
  | { do: 'fault'; fault: FaultName; edge: number; control: number; ms: number }
);

export interface Cast {
  /** Actors that change things, before those that are quiet: they do nothing but what a fault makes them do. */
  lively: number;
  quiet: number;
  /** How many messages each topic keeps. */
  sizes: readonly number[];
  /** The last so many topics are deleted and made anew now and then. */
  renewed: number;
  edges: number;
  controls: number;
}

export const cast: Cast = {
  lively: 10,
  quiet: 8,
  sizes: [1000, 1000, 1000, 0, 1, 5, 1000, 1000],
  renewed: 2,
  edges: 3,
  controls: 2,
};

/** The name of a topic by its number; the first one has presence. */
export function topicName(topic: number): string {
  return topic === 0 ? PRESENCE_TOPIC : `prove.random-${topic}`;
}

const PUBLISHERS = 3;
/** The mean time between two things of a lane, in milliseconds. */
const EVERY = { actor: 1500, publisher: 350, renewal: 6000, fault: 1800 };
/** Short of a lease and past it: edges that were frozen do other things then. */
const MOMENT = { least: 300, most: 4000 };
const PAST_LEASE_MS = 12_500;
const FAR_SHARE = 0.15;

/** Faults of the services and of connections, for every kind of Redis. */
const EVERYWHERE: readonly FaultName[] = [
  'edge-freeze',
  'edge-freeze',
  'edge-kill',
  'edge-restart',
  'control-kill',
  'service-clocks',
  'subscribers-cut',
  'callers-cut',
  'scripts-flushed',
  'edge-cut-off',
  'edge-slow',
  'control-slow',
];
/** A kill of a master loses what its replica lacks, which no model can know; so they are for a single Redis. */
const SINGLE: readonly FaultName[] = ['redis-freeze', 'redis-kill', 'redis-rollback', 'redis-rollback', 'redis-empty'];

export interface PlanOptions {
  seed: number;
  seconds: number;
  redis: RedisKind;
  /** Whether the clock of Redis can be set. */
  clock: boolean;
  /** Without faults. */
  calm: boolean;
}

/** Everything that a run does of its own accord: the same for the same options, whatever comes of it. */
export function drawPlan({ seed, seconds, redis, clock, calm }: PlanOptions): Operation[] {
  const random = seededRandom(seed);
  const faults = [...EVERYWHERE, ...(redis === 'single' ? SINGLE : []), ...(clock ? (['redis-clock'] as const) : [])];
  const lanes: Operation[][] = [];
  for (let actor = 0; actor < cast.lively; actor += 1) {
    lanes.push(drawLane(random, `actor ${actor}`, EVERY.actor, seconds, () => drawChange(random, actor)));
  }
  for (let lane = 0; lane < PUBLISHERS; lane += 1) {
    lanes.push(drawLane(random, `publisher ${lane}`, EVERY.publisher, seconds, () => drawPublish(random)));
  }
  lanes.push(drawLane(random, 'topics', EVERY.renewal, seconds, () => drawRenewal(random)));
  if (!calm) lanes.push(drawLane(random, 'faults', EVERY.fault, seconds, () => drawFault(random, faults)));
  return lanes.flat();
}

type Undated<T = Operation> = T extends Operation ? Omit<T, 'at' | 'lane'> : never;

function drawLane(random: Random, lane: string, every: number, seconds: number, draw: () => Undated): Operation[] {
  const operations: Operation[] = [];
  for (let at = random() * every; at < seconds * 1000; at += random() * 2 * every) {
    operations.push({ at: Math.round(at), lane, ...draw() });
  }
  return operations;
}

type Random = () => number;

const number = (random: Random, below: number) => Math.floor(random() * below);
const someTopics = (random: Random) =>
  drawSome([...cast.sizes.keys()], 1 + number(random, 3), random).toSorted((a, b) => a - b);

function drawChange(random: Random, actor: number): Undated {
  const drawn = random();
  if (drawn < 0.24) return { do: 'subscribe', actor, topics: someTopics(random) };
  if (drawn < 0.48) return { do: 'unsubscribe', actor, topics: someTopics(random) };
  if (drawn < 0.55) return { do: 'unregister', actor };
  if (drawn < 0.67) return { do: 'register', actor, topics: someTopics(random) };
  if (drawn < 0.71) return { do: 'disconnect', actor };
  if (drawn < 0.77) return { do: 'view', actor };
  if (drawn < 0.82) return { do: 'hang-up', actor, how: random() < 0.5 ? 'goodbye' : 'cut' };
  if (drawn < 0.88) return { do: 'twins', actor, edges: [0, 1, 2].map(() => number(random, cast.edges)) };
  const resume = (['latest', 'latest', 'older', 'none'] as const)[number(random, 4)] ?? 'latest';
  return { do: 'connect', actor, edge: number(random, cast.edges), resume, share: random() };
}

function drawPublish(random: Random): Undated {
  const drawn = random();
  if (drawn < 0.55) return { do: 'publish', topic: number(random, cast.sizes.length) };
  if (drawn < 0.7) return { do: 'publish-idempotent', topic: number(random, cast.sizes.length) };
  if (drawn < 0.85) return { do: 'publish-to-client', actor: number(random, cast.lively + cast.quiet) };
  return { do: 'publish-batch', lists: Array.from({ length: 1 + number(random, 5) }, () => someTopics(random)) };
}

function drawRenewal(random: Random): Undated {
  const topic = cast.sizes.length - 1 - number(random, cast.renewed);
  return { do: 'renew', topic, pauseMs: random() < 0.5 ? 0 : Math.round(random() * 2000) };
}

function drawFault(random: Random, faults: readonly FaultName[]): Undated {
  const fault = faults[number(random, faults.length)] ?? 'edge-kill';
  const ms = Math.round(MOMENT.least + random() * (MOMENT.most - MOMENT.least));
  const isLong = random() < FAR_SHARE && (fault === 'edge-freeze' || fault === 'edge-cut-off');
  const [edge, control] = [number(random, cast.edges), number(random, cast.controls)];
  return { do: 'fault', fault, edge, control, ms: isLong ? PAST_LEASE_MS : ms };
}
