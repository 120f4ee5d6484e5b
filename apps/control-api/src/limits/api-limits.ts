import type { ServerLimits } from '../http/server.ts';
import type { CallLimits } from '../plugins/limits.ts';

/** The limits that are settings. */
export interface ApiLimits extends CallLimits, Omit<ServerLimits, 'trustedProxies'> {
  /** Calls of one client by its id alone. */
  readonly clientCallsPerSecond: number;
}
