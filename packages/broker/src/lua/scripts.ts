import * as redis from '@holdfast/redis/script';

/** A file of this folder, by its name, behind one whose functions it calls. */
export function loadScript(name: string, library?: 'client-events' | 'make-channel'): redis.Script {
  const files = library === undefined ? [name] : [library, name];
  return redis.loadScript(...files.map((file) => new URL(`${file}.lua`, import.meta.url)));
}
