import type { AppInUse, Apps } from './apps.ts';
import type { PusherConnection } from './connection.ts';
import { type Fault, closings } from './faults.ts';

/** pusher-js shows that it is `unavailable` after 10 s, the second included that it waits after 4100; it gives up after 15 s. */
const HOLD_MS = 8500;
const EVERY_MS = 100;
/** After Redis did not answer, or had no apps. */
const READ_AGAIN_MS = 500;
/** Connections that wait at a time: a bound for their memory. */
const MAX_HELD = 10_000;

export interface HeldBackDeps {
  apps: Apps;
  /** Whether the edge takes a connection now; otherwise why not. */
  room: () => 'yes' | 'wait' | 'draining' | 'full';
  admit: (connection: PusherConnection, app: AppInUse) => void;
  onError: (error: unknown) => void;
}

interface Held {
  key: string;
  /** When it is closed, in milliseconds of the monotonic clock. */
  until: number;
}

/**
 * Connections whose `connection_established` is held back, because their app is not known yet, or the edge has no room or no
 * lease: a client that is refused comes back by itself, and as soon as it pleases; one that is held back waits.
 */
export class HeldBack {
  readonly #deps: HeldBackDeps;
  /** In the order in which they came. */
  readonly #held = new Map<PusherConnection, Held>();
  /** The same by the key of their app: each key is read by itself, and there may be as many as connections. */
  readonly #byKey = new Map<string, Set<PusherConnection>>();
  readonly #reading = new Set<string>();
  /** In milliseconds of the monotonic clock. */
  #readAgainAt = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(deps: HeldBackDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#held.size;
  }

  /** A connection is open: it is admitted now, or later, or closed. */
  take(connection: PusherConnection, key: string): void {
    if (this.#tryNow(connection, key)) return;
    if (this.#held.size >= MAX_HELD) {
      connection.closeWith(closings.overCapacity);
      return;
    }
    this.#held.set(connection, { key, until: performance.now() + HOLD_MS });
    const others = this.#byKey.get(key);
    if (others === undefined) this.#byKey.set(key, new Set([connection]));
    else others.add(connection);
    this.#timer ??= setInterval(() => this.#tryAll(), EVERY_MS);
    this.#read(key);
  }

  delete(connection: PusherConnection): void {
    const held = this.#held.get(connection);
    if (held === undefined) return;
    this.#held.delete(connection);
    const others = this.#byKey.get(held.key);
    others?.delete(connection);
    if (others?.size === 0) this.#byKey.delete(held.key);
    if (this.#held.size === 0) this.stop();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #read(key: string): void {
    const { apps, onError } = this.#deps;
    if (apps.get(key) !== null || this.#reading.has(key) || performance.now() < this.#readAgainAt) return;
    this.#reading.add(key);
    this.#readNow(key)
      .catch((error: unknown) => {
        this.#readAgainAt = performance.now() + READ_AGAIN_MS;
        onError(error);
      })
      .finally(() => this.#reading.delete(key));
  }

  async #readNow(key: string): Promise<void> {
    const { apps } = this.#deps;
    const found = await apps.read(key);
    if (found.kind !== 'none') this.#tryKey(key);
    // Nothing writes apps but control-api, so an edge that never knew one has none soon. A Redis that came back empty is
    // given them again within seconds.
    else if (apps.size === 0) this.#closeAll(key, closings.noApps);
    else this.#readAgainAt = performance.now() + READ_AGAIN_MS;
  }

  #closeAll(key: string, fault: Fault): void {
    for (const connection of this.#byKey.get(key) ?? []) this.#close(connection, fault);
  }

  #tryKey(key: string): void {
    for (const connection of this.#byKey.get(key) ?? []) {
      if (this.#tryNow(connection, key)) this.delete(connection);
    }
  }

  /** The first that came are the first that are admitted. */
  #tryAll(): void {
    const now = performance.now();
    const keys = new Set<string>();
    for (const [connection, { key, until }] of this.#held) {
      if (this.#tryNow(connection, key)) this.delete(connection);
      else if (now >= until) this.#close(connection, this.#why());
      else keys.add(key);
    }
    for (const key of keys) this.#read(key);
  }

  #why(): Fault {
    return this.#deps.room() === 'full' ? closings.overCapacity : closings.unavailable;
  }

  #close(connection: PusherConnection, fault: Fault): void {
    this.delete(connection);
    connection.closeWith(fault);
  }

  /** Whether it has been decided on. */
  #tryNow(connection: PusherConnection, key: string): boolean {
    const { apps, room, admit } = this.#deps;
    if (connection.phase === 'closed') return true;
    const isRoom = room();
    if (isRoom === 'draining') {
      connection.closeWith(closings.draining);
      return true;
    }
    const found = apps.get(key);
    if (found?.kind === 'unknown') {
      connection.closeWith(closings.unknownApp);
      return true;
    }
    if (found?.kind !== 'app' || isRoom !== 'yes') return false;
    admit(connection, found.app);
    return true;
  }
}
