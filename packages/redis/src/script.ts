import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Commands } from './commands.ts';
import { answered, failed } from './round-trips.ts';
import { RedisUnavailable } from './unavailable.ts';

export type Argument = string | number | Buffer;

/** One Lua file or several after one another, run by its hash, and sent whole when Redis does not have it (any more). */
export interface Script {
  source: string;
  sha: string;
}

export function loadScript(...files: readonly URL[]): Script {
  const source = files.map((file) => readFileSync(file, 'utf8')).join('');
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/** Runs a script; strings in its answer are strings. Rejects with RedisUnavailable. */
export function run(
  redis: Commands,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  return attempt(
    () => redis.evalsha(script.sha, keys.length, ...keys, ...args),
    () => redis.eval(script.source, keys.length, ...keys, ...args),
  );
}

/** Runs a script; strings in its answer are Buffers. Rejects with RedisUnavailable. */
export function runForBuffers(
  redis: Commands,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  const scripting = redis as Commands & BufferScripting;
  return attempt(
    () => scripting.evalshaBuffer(script.sha, keys.length, ...keys, ...args),
    () => scripting.evalBuffer(script.source, keys.length, ...keys, ...args),
  );
}

/**
 * ioredis has these, its types do not. Not `callBuffer`: with `enableAutoPipelining` it drops the command's name and
 * sends the hash in its place.
 */
interface BufferScripting {
  evalshaBuffer(sha: string, keys: number, ...keysAndArgs: Argument[]): Promise<unknown>;
  evalBuffer(source: string, keys: number, ...keysAndArgs: Argument[]): Promise<unknown>;
}

async function attempt(byHash: () => Promise<unknown>, whole: () => Promise<unknown>): Promise<unknown> {
  const sentAt = performance.now();
  try {
    const answer = await byHash();
    answered(sentAt);
    return answer;
  } catch (error) {
    failed(sentAt, error);
    if (!isNoScript(error)) throw new RedisUnavailable(error);
  }
  // Redis restarted or its scripts were flushed. NOSCRIPT ran nothing, so sending the whole script repeats nothing.
  return asked(whole());
}

/** Awaits a plain command. Rejects with RedisUnavailable. */
export async function asked<T>(command: Promise<T>): Promise<T> {
  const sentAt = performance.now();
  try {
    const answer = await command;
    answered(sentAt);
    return answer;
  } catch (error) {
    failed(sentAt, error);
    throw new RedisUnavailable(error);
  }
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
