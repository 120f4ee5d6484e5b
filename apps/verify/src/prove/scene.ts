import { setTimeout as delay } from 'node:timers/promises';
import type { Control } from './control.ts';
import { DidNotHappen } from './not-run.ts';
import type { Installation } from './installation/installation.ts';
import type { Pool } from './members/worker-protocol.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import type { Publisher } from './publisher.ts';
import { PRESENCE, PRESENCE_TOPIC } from './presence/log.ts';
import { warmUp } from './warm-up.ts';

const LOOK_MS = 20;
const PATIENCE_MS = 30_000;
const WARM_UP_TOPICS = 3;
/** Everything the run publishes stays in the logs, so that what is missing there is a fault. */
const HISTORY = { size: 100_000, seconds: 3600 };

export interface SceneParts {
  installation: Installation;
  control: Control;
  pool: Pool;
  publisher: Publisher;
  topics: readonly string[];
  /** Those of them without a subscriber at first. */
  laterTopics: readonly string[];
  /** One on which nothing is published unless a fault does. Some have it from the beginning. */
  quietTopic: string;
  members: number;
  random: () => number;
  /** Takes a line for people. */
  log: (line: string) => void;
}

/** Time, as a fault waits for it. */
export interface Waiting {
  /** Milliseconds of the clock that all processes share. */
  now: () => number;
  /** Lets time pass under load. */
  pass: (ms: number) => Promise<void>;
  /** Waits until something is so. Rejects with {@link DidNotHappen} when it is not in time. */
  until: (what: string, look: () => Promise<boolean> | boolean, timeoutMs?: number) => Promise<void>;
}

/** What there is of a run whatever door its clients use. */
export interface Ground
  extends Waiting, Pick<SceneParts, 'installation' | 'control' | 'quietTopic' | 'members' | 'random' | 'log'> {
  /** How many members have a connection at the moment. */
  connected: () => number;
  /** Publishes one message to each of these topics, however long that takes; gives what `missing` takes. */
  publishTo: (topics: readonly string[]) => Promise<Record<string, string>>;
  /** How many members have not received these messages when the time is over. */
  missing: (positions: Record<string, string>, timeoutMs: number) => Promise<number>;
  /** Describes some members that should have a connection, and have none. */
  absent: () => Promise<string[]>;
  /** Has clients connect to these edges and leave again, many times. */
  warmUp: (edgeUrls: readonly string[]) => Promise<void>;
}

/** A running installation under load, as a fault finds it. */
export interface Scene extends SceneParts, Ground {
  createTopics: () => Promise<void>;
  /** All registrations are gone: creates the topics again, and has every client register anew as its close code demands. */
  beginAnew: (goneAt: number) => Promise<number>;
}

export const waiting: Waiting = {
  now: monotonicMs,
  pass: async (ms) => {
    await delay(ms);
  },
  until: async (what, look, timeoutMs = PATIENCE_MS) => {
    const deadline = performance.now() + timeoutMs;
    while (!(await look())) {
      if (performance.now() > deadline) throw new DidNotHappen(`${what}, not within ${timeoutMs / 1000} s`);
      await delay(LOOK_MS);
    }
  },
};

export function sceneOf(parts: SceneParts): Scene {
  const createTopics = async () => {
    const create = (topic: string, presence: typeof PRESENCE | null) =>
      parts.control.retrying((rest, signal) => rest.createTopic(topic, { history: HISTORY, presence, signal }));
    await Promise.all([...parts.topics.map((topic) => create(topic, null)), create(PRESENCE_TOPIC, PRESENCE)]);
  };
  return {
    ...parts,
    ...waiting,
    connected: () => parts.pool.progress().reduce((sum, { open }) => sum + open, 0),
    publishTo: (topics) => parts.publisher.fence(topics),
    missing: async (positions, timeoutMs) => {
      const answers = await parts.pool.all('reached', { positions, timeoutMs });
      return answers.reduce((sum, { missing }) => sum + missing, 0);
    },
    absent: async () => (await parts.pool.all('absent', null)).flatMap(({ members }) => members),
    warmUp: (edgeUrls) => warmUp(parts.control, edgeUrls, parts.topics.slice(0, WARM_UP_TOPICS)),
    createTopics,
    beginAnew: async (goneAt) => {
      await parts.pool.all('forget', { at: goneAt });
      await createTopics();
      const answers = await parts.pool.all('registerAgain', { timeoutMs: PATIENCE_MS });
      return answers.reduce((sum, { registered }) => sum + registered, 0);
    },
  };
}
