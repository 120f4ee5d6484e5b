import type { EdgeDetails } from '@holdfast/broker/edge-state';
import type { RedisFacts } from '@holdfast/redis/inspection';
import type { SystemFacts } from '@holdfast/service/system-facts';
import type { Readers } from '../auth/plain-secrets.ts';
import type { HeldConnection, UrlProbe } from './url-probe.ts';

/** What is set for this control-api. */
export interface ControlSettings {
  readonly version: string;
  readonly production: boolean;
  /** Origins whose pages may call; undefined: not set, so that none may. */
  readonly allowedOrigins: readonly string[] | undefined;
  readonly trustsProxies: boolean;
}

/** All that the checks judge. They ask nothing themselves. */
export interface DoctorFacts {
  readonly control: ControlSettings & {
    readonly system: SystemFacts;
    /** The call came with `X-Forwarded-For`: there is a proxy. */
    readonly forwarded: boolean;
    /** For how many seconds a change of the keys file has been under way; null: none is, or there is no file. */
    readonly keysFileLockedSeconds: number | null;
    /** Who can read plain secrets in the keys file that need not; null: no other user, or there are none. */
    readonly keysFileReaders: Readers | null;
  };
  readonly redis: RedisFacts;
  /** Why writes are not taken; null when they are. */
  readonly writeFault: string | null;
  /** Null: Redis could not be asked. */
  readonly edges: readonly EdgeDetails[] | null;
  /** A handshake through each URL that edges advertise. */
  readonly urls: readonly UrlProbe[];
  /** URLs that were not tried, for there are too many. */
  readonly urlsLeftOut: number;
  /** Connections that were held open through each URL; null: not asked for. */
  readonly held: readonly HeldConnection[] | null;
}
