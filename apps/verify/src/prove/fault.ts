import type { RedisKind } from '@holdfast/local/redis-kind';
import type { Installation } from './installation/installation.ts';
import type { Needs } from './installation/needs.ts';
import type { Window } from './members/worker-protocol.ts';
import type { Ground, Scene } from './scene.ts';

/** What a fault reports when it is over. */
export interface Injection {
  /** That it happened, with a number or a name that shows it. */
  proof: string;
  /** When it began, and when everything that was taken away was there again: recovery is measured from then. */
  brokenAt: number;
  healedAt: number;
  /** In this time Redis took no writes: what was answered with 503 in it must not be in any log. */
  refusing?: { from: number; to: number };
  /** Deliveries to those whom the fault does not touch must take as long meanwhile as in the usual time. */
  latency?: { usual: Window; meanwhile: Window };
  /** Promises that were seen to be broken meanwhile, each as a sentence. */
  broken?: string[];
}

export interface Fault {
  /** As `--only` takes it. */
  name: string;
  /** The promise that holds when the run passes, as a sentence. */
  proves: string;
  /** Whether it is part of the quick profile; the full one has all. */
  quick: boolean;
  /** Of what Redis it is about; default: any. */
  on?: readonly RedisKind[];
  needs?: Partial<Needs>;
  /** Another size than that of the profile. */
  scale?: (scale: Scale) => Scale;
  /** Logs lose messages by it, so that losses may be announced; otherwise not a single one may be. */
  logsMayForget?: boolean;
  /** No client loses its connection by it. */
  connectionsStay?: boolean;
  /** Redis forgets nothing by it, and no lease runs out: a client that is back within the grace time has not left. */
  presenceStays?: boolean;
  /** How soon every client receives again once everything is back, in milliseconds. */
  recoversWithinMs: number;
  /** What is done before the clients come. */
  prepare?: (installation: Installation) => Promise<void>;
  /** Breaks something, makes sure that it broke, and mends it. Rejects with {@link DidNotHappen}. */
  inject: (scene: Scene) => Promise<Injection>;
}

/** One that asks nothing of the door that clients use. */
export interface CommonFault extends Fault {
  inject: (ground: Ground) => Promise<Injection>;
}

/** How large a run is. */
export interface Scale {
  members: number;
  /** Clients of the storm that follows the death of an edge. */
  stormMembers: number;
  topics: number;
  /** More topics, without a subscriber at first. */
  laterTopics: number;
  /** Messages a second, over all topics. */
  rate: number;
  /** Processes that hold the members, so that reading does not wait for checking. */
  workers: number;
  /** Installations that stand, and are broken, at the same time: most of a fault is waiting. */
  sideBySide: number;
}

export type ProfileName = 'quick' | 'full';

export const profiles: Record<ProfileName, Scale> = {
  quick: { members: 300, stormMembers: 2000, topics: 20, laterTopics: 2, rate: 40, workers: 1, sideBySide: 2 },
  full: { members: 3000, stormMembers: 20_000, topics: 20, laterTopics: 2, rate: 40, workers: 2, sideBySide: 1 },
};
