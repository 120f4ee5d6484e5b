import type { TargetOf } from '../generator-pool.ts';
import type { Settings } from '../generator.ts';
import type { Message } from '../message.ts';

/** Who is to be subscribed to what. Topics have numbers, from 1. */
export interface Layout {
  connections: number;
  /** The topics of a connection, one for each slot of a message's stamp: one or two. */
  topicsOf: (connection: number) => readonly number[];
  /** Their server is going to be killed: a peer whose clients could then go to another one has that as well. */
  willBeKilled?: boolean;
}

export interface Surroundings {
  /** A directory of the run, which is removed with it. */
  directory: string;
  /** Descriptors of a process that are for connections. */
  perProcess: number;
  /** Takes a line for people. */
  log: (line: string) => void;
}

/** A process that has a part in the work. */
export interface Helper {
  name: string;
  pid: number;
}

/** A server that runs, as every measure sees it. */
export interface Running {
  /** The processes that hold the connections; what they have started counts with them. */
  readonly servers: readonly number[];
  /** Further processes that a message passes through: a Redis, a control-api. */
  readonly others: readonly Helper[];
  /** How the generators speak to it. */
  readonly settings: Settings;
  readonly target: TargetOf;
  /** Publishes one message; resolves when the server has accepted it. */
  readonly publish: (message: Message) => Promise<void>;
  /** Publishes several, in order, with what the server has for that: a batch, or else one call after the other. */
  readonly publishAll: (messages: readonly Message[]) => Promise<void>;
  /** Ends a server without a word, and has one again on the same address, or leaves its clients to another. */
  readonly killAndReplace: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface Peer {
  readonly name: string;
  /** What it is and how it is set, for the table. */
  readonly description: string;
  /** It cannot be several processes, so it holds what one may have of descriptors. */
  readonly isOneProcess?: boolean;
  /** Brings what it needs. Gives its version, or why it cannot run here. */
  readonly prepare: (surroundings: Surroundings) => Promise<{ version: string } | { missing: string }>;
  readonly start: (layout: Layout, surroundings: Surroundings) => Promise<Running>;
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
