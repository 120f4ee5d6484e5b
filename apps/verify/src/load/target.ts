import type { Plan } from './plan.ts';

/** The installation under load. */
export interface Target {
  controlUrl: string;
  key: string;
  /** How many edges were started for it; null for an installation that was running. */
  edges: number | null;
  /** Of the edges, when they run on this machine and nothing else uses them; empty otherwise. */
  edgePids: readonly number[];
  /** Of the control-apis, likewise. */
  controlPids: readonly number[];
  /** The servers of its Redis that hold data, when nothing else uses them; empty otherwise. */
  redisUrls: readonly string[];
  /** Of every key in it; '' where it is not known. */
  prefix: string;
  /** Ends what was started for it. */
  [Symbol.asyncDispose]: () => Promise<void>;
}

/** The running installation that the plan names, or one that is started with so many edges. */
export async function openTarget(plan: Plan, edges: number, announce: (line: string) => void): Promise<Target> {
  if (plan.installation !== null) {
    return {
      ...plan.installation,
      edges: null,
      edgePids: [],
      controlPids: [],
      redisUrls: [],
      prefix: '',
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  // Only now: against a running installation it is not needed.
  const { startInstallation } = await import('@holdfast/local/installation');
  const installation = await startInstallation({ edges, redis: plan.redis, announce });
  return {
    controlUrl: installation.controlUrl,
    key: installation.key,
    edges,
    edgePids: installation.edges.map(({ pid }) => pid),
    controlPids: installation.controls.map(({ pid }) => pid),
    redisUrls: installation.redisUrls,
    prefix: installation.prefix,
    [Symbol.asyncDispose]: installation.stop,
  };
}
