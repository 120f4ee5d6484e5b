import { redisProgram } from '@holdfast/local/redis';
import { type RedisServer, startRedisServer } from '@holdfast/local/redis-server';
import type { TargetOf } from '../generator-pool.ts';
import type { Settings } from '../generator.ts';
import type { Message } from '../message.ts';

/** Connections and their subscriptions. Topics have numbers, from 1. */
export interface Layout {
  connections: number;
  /** The topics of a connection, one for each slot of a message's stamp: one or two. */
  topicsOf: (connection: number) => readonly number[];
  /** Their server is going to be killed: a peer whose clients could then go to another one has that as well. */
  willBeKilled?: boolean;
  /** Topics without subscribers. */
  moreTopics?: readonly number[];
}

export interface PeerContext {
  /** A directory of the run, which is removed with it. */
  directory: string;
  /** Descriptors of a process that are for connections. */
  perProcess: number;
  /** Takes a line for people. */
  log: (line: string) => void;
}

/** The version of a peer, or why it cannot run here. */
export type Prepared = { version: string } | { missing: string };

/** A call that publishes may take as long as its deliveries: as many as `--connections` times a burst. */
export const CALL_MS = 120_000;

/** A server that runs, as every measure sees it. */
export interface Running {
  /** The processes that hold the connections; what they have started counts with them. */
  readonly servers: readonly number[];
  /** Further processes that a message passes through: a Redis, a control-api. */
  readonly others: readonly number[];
  /** How the generators speak to it. */
  readonly settings: Settings;
  readonly target: TargetOf;
  /** Publishes one message; resolves when the server has accepted it. */
  readonly publish: (message: Message) => Promise<void>;
  /** Publishes several, in order, with what the server has for that: a batch, or else one call after the other. */
  readonly publishAll: (messages: readonly Message[]) => Promise<void>;
  /** Kills a server, and starts one again on the same address, or leaves its clients to another. */
  readonly killAndReplace: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface Peer {
  readonly name: string;
  /** What it is and how it is set, for the table. */
  readonly description: string;
  /** It cannot be several processes, so it holds what one may have of descriptors. */
  readonly isOneProcess?: boolean;
  /** Brings what it needs. */
  readonly prepare: (context: PeerContext) => Promise<Prepared>;
  readonly start: (layout: Layout, context: PeerContext) => Promise<Running>;
}

/** The name of a topic, where names are used. */
export function topicName(number: number): string {
  return `bench.t${number}`;
}

/** The numbers of all topics in a layout. */
export function topicNumbersOf(layout: Layout): number[] {
  const numbers = new Set<number>();
  for (let index = 0; index < layout.connections; index += 1) {
    for (const number of layout.topicsOf(index)) numbers.add(number);
  }
  return [...numbers];
}

/** A Redis of its own in a process on this machine, so that its CPU can be measured: REDIS_URL is not looked at. */
export async function startRedis({ log }: Pick<PeerContext, 'log'>): Promise<RedisServer> {
  return startRedisServer({ binary: await redisProgram({ announce: log }) });
}
