import type { Redis } from 'ioredis';

type ReadyCheck = (callback: (error: Error | null, info?: unknown) => void) => void;

/**
 * Keeps a connection from being ready before Redis has confirmed its database. ioredis 6.0.0 sends SELECT with the rest
 * of its handshake and only reports that it was refused: commands then go to database 0, where another installation may
 * live. Here a refusal is a failed connection: its reason goes to the listeners of `error`, and it is tried again.
 */
export function requireDatabase(redis: Redis): void {
  const { db = 0 } = redis.options;
  if (db === 0) return;
  // Not in the typings. redis-database.redis.test.ts fails when another version of ioredis has it no more.
  const check = (Reflect.get(redis, '_readyCheck') as ReadyCheck).bind(redis);
  const checkInDatabase: ReadyCheck = (callback) => {
    const selected = redis.select(db, (error) => {
      if (error) callback(new WrongDatabase(db, error));
      else check(callback);
    });
    // The callback has it.
    selected.catch(() => undefined);
  };
  Reflect.set(redis, '_readyCheck', checkInDatabase);
}

/** Redis did not let us into the database of REDIS_URL. */
class WrongDatabase extends Error {
  constructor(database: number, cause: Error) {
    super(`database ${database} of REDIS_URL cannot be used: ${cause.message}`, {
      cause,
    });
    this.name = 'WrongDatabase';
  }
}
