import type { RedisKind } from '@holdfast/local/redis-kind';
import type { App } from '../pusher/app.ts';

/** What a fault needs of the installation that it breaks. */
export interface Needs {
  controls: number;
  edges: number;
  /** Whether Redis keeps its data on disk, synced with every write. */
  aof: boolean;
  /** Whether the clock of a single Redis can be set. */
  redisClock: boolean;
  /** What Redis is made of; default: as the command line has it. */
  redis: RedisKind;
  /** A key whose tokens register clients. */
  tokens: boolean;
  /** An app of the Pusher door; null: it stays shut. */
  app: App | null;
  edgeEnv: Readonly<Record<string, string>>;
  /** The clocks of services jump by an hour when they get SIGUSR2. */
  jumpingClocks: boolean;
  /** Puts a proxy of the suite's own between … */
  proxies: { edgesToRedis?: boolean; controlsToRedis?: boolean; clientsToEdges?: boolean };
}

export const ordinaryNeeds: Needs = {
  controls: 2,
  edges: 3,
  aof: false,
  redis: 'single',
  tokens: false,
  app: null,
  edgeEnv: {},
  jumpingClocks: false,
  redisClock: false,
  proxies: {},
};
