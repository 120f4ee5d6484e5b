import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';
import type { Redis } from 'ioredis';

export interface RedisIncidents {
  /** The connection is about to be closed and opened again by us: no incident, unless it does not come back. */
  reconnecting(): void;
}

/**
 * Logs each loss of a connection once, and its return once with how long it was away; nothing for the retries in
 * between. A connection that was closed on purpose is no incident.
 */
export function logIncidents(redis: Redis, logger: Logger, fields: Readonly<Record<string, string>>): RedisIncidents {
  let lostAt: number | null = null;
  let reason: string | null = null;
  let onPurpose = false;

  function lost(): void {
    if (lostAt !== null) return;
    lostAt = performance.now();
    logger.warn({ ...fields, reason: reason ?? 'closed by Redis' }, 'redis lost');
  }

  // ioredis prints errors that have no listener.
  redis.on('error', (error: Error) => {
    reason = reasonOf(error);
    // On a ready connection the close that follows explains more; a Sentinel that cannot be asked brings errors only.
    if (redis.status !== 'ready') lost();
  });
  redis.on('close', () => {
    // Events arrive a tick after the change: by now the status of a connection closed on purpose is "end".
    if (redis.status !== 'end' && !onPurpose) lost();
    onPurpose = false;
  });
  redis.on('ready', () => {
    if (lostAt !== null) logger.info({ ...fields, downtimeMs: Math.round(performance.now() - lostAt) }, 'redis back');
    lostAt = null;
    reason = null;
  });

  return {
    reconnecting() {
      onPurpose = true;
    },
  };
}

/** An error of the same words that was last seen this long ago is a new incident. */
const QUIET_MS = 60_000;
/** Redis has some dozens of such phrases; more are not remembered, so that names in them cannot fill the memory. */
const MAX_REMEMBERED = 100;
/** Part of how a Cluster and scripts work, and followed or repaired where it happens. */
const ORDINARY = /^(NOSCRIPT|MOVED|ASK|TRYAGAIN)\b/;
/** Sent where they are allowed; their caller reports what is missing without. */
const OPTIONAL_COMMANDS = new Set(['config', 'info', 'cluster', 'client']);

/** Why Redis refused: without the script that was refused, whose hash and line help no reader. */
export function refusalOf(message: string): string {
  return message.replace(/,? script: [0-9a-f]{40}.*$/s, '');
}

/** Logs why Redis refuses commands (READONLY, MISCONF, OOM, NOREPLICAS, NOPERM and others): once an incident, not once a command. */
export class RedisRefusals {
  readonly #logger: Logger;
  readonly #fields: Readonly<Record<string, string>>;
  readonly #seenAt = new Map<string, number>();

  constructor(logger: Logger, fields: Readonly<Record<string, string>>) {
    this.#logger = logger;
    this.#fields = fields;
  }

  note(error: Error & { command?: { name?: string } }): void {
    if (ORDINARY.test(error.message) || OPTIONAL_COMMANDS.has(error.command?.name ?? '')) return;
    const reason = refusalOf(error.message);
    const now = performance.now();
    const seenAt = this.#seenAt.get(reason);
    if (seenAt === undefined && this.#seenAt.size >= MAX_REMEMBERED) this.#forgetOld(now);
    this.#seenAt.set(reason, now);
    if (seenAt !== undefined && now - seenAt < QUIET_MS) return;
    this.#logger.warn({ ...this.#fields, reason, command: error.command?.name }, 'redis refuses commands');
  }

  #forgetOld(now: number): void {
    for (const [reason, at] of this.#seenAt) if (now - at > QUIET_MS) this.#seenAt.delete(reason);
    if (this.#seenAt.size >= MAX_REMEMBERED) this.#seenAt.clear();
  }
}

/** Logs that a Cluster does not serve all slots once, and once that it does again, with how long it did not. */
export class ClusterIncident {
  readonly #logger: Logger;
  readonly #connection: string;
  #since: number | null = null;

  constructor(logger: Logger, connection: string) {
    this.#logger = logger;
    this.#connection = connection;
  }

  /** What a look at the Cluster found: a fault, or null when there is none. */
  is(fault: string | null): void {
    const fields = { connection: this.#connection };
    if (fault !== null && this.#since === null) {
      this.#since = performance.now();
      this.#logger.warn({ ...fields, reason: fault }, 'redis cluster does not serve everything');
    } else if (fault === null && this.#since !== null) {
      const downtimeMs = Math.round(performance.now() - this.#since);
      this.#since = null;
      this.#logger.info({ ...fields, downtimeMs }, 'redis cluster serves everything again');
    }
  }
}
