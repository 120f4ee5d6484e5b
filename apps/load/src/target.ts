import type { Plan } from './plan.ts';

/** The installation under load. */
export interface Target {
  controlUrl: string;
  key: string;
  /** How many edges were started for it; null for an installation that was running. */
  edges: number | null;
  /** Of the edges, when they run on this machine and nobody else uses them; empty otherwise. */
  edgePids: readonly number[];
  /** When nobody else uses it; null otherwise. */
  redisUrl: string | null;
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
      redisUrl: null,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  // Only now: against a running installation it is not needed.
  const { startInstallation } = await import('@holdfast/local/installation');
  const installation = await startInstallation({ edges, announce });
  return {
    controlUrl: installation.controlUrl,
    key: installation.key,
    edges,
    edgePids: installation.edges.map(({ pid }) => pid),
    redisUrl: installation.redisUrl,
    [Symbol.asyncDispose]: installation.stop,
  };
}
