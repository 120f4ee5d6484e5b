import type { Logger } from '@holdfast/service/logger';

/** An error of the same words that was last seen this long ago is a new incident. */
const QUIET_MS = 60_000;
/** Redis has some dozens of such phrases; more are not remembered, so that names in them cannot fill the memory. */
const MAX_REMEMBERED = 100;
/** Part of how a Cluster and scripts work, and followed or repaired where it happens. */
const ORDINARY = /^(NOSCRIPT|MOVED|ASK|TRYAGAIN)\b/;
/** Asked for where it is allowed; who asks says what is missing without. */
const OPTIONAL_COMMANDS = new Set(['config', 'info', 'cluster', 'client']);

/** What Redis says of why it refused: without the script that asked, whose hash and line tell people nothing. */
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
