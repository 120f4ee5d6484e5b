import * as redis from '@holdfast/redis/script';

/** A file of this folder, by its name. */
export function loadScript(name: string): redis.Script {
  return redis.loadScript(new URL(`${name}.lua`, import.meta.url));
}
