/** What a fault needs of the installation that it breaks. */
export interface Needs {
  controls: number;
  edges: number;
  /** Whether Redis keeps its data on disk, synced with every write. */
  aof: boolean;
  /** A replica of Redis, and a Sentinel that makes it the master when the first one is gone. */
  sentinel: boolean;
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
  sentinel: false,
  edgeEnv: {},
  jumpingClocks: false,
  proxies: {},
};
