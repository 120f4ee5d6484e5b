import type { RedisKind } from '@holdfast/local/redis-kind';
import type { Installation } from './installation/installation.ts';
import type { Needs } from './installation/needs.ts';
import type { Window } from './members/worker-protocol.ts';
import type { Scale } from './scale.ts';
import type { Scene } from './scene.ts';

/** What a fault tells when it is over. */
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
  /** What a run without a fault shows, as a sentence. */
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
  /** How soon everybody hears again once everything is back, in milliseconds. */
  recoversWithinMs: number;
  /** What is done before the clients come. */
  prepare?: (installation: Installation) => Promise<void>;
  /** Breaks something, makes sure that it broke, and mends it. Rejects with {@link DidNotHappen}. */
  inject: (scene: Scene) => Promise<Injection>;
}

/** The fault could not be shown to have happened: what the run says of it is worth nothing. */
export class DidNotHappen extends Error {
  constructor(what: string) {
    super(`the fault did not happen: ${what}`);
    this.name = 'DidNotHappen';
  }
}
