import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { repeat } from '@holdfast/service/backoff';
import { reasonOf } from '@holdfast/service/error-fields';
import type { Logger } from '@holdfast/service/logger';
import type { z } from 'zod';
import { whereIn } from '../http/bodies.ts';
import { faultsOf, phraseOf } from '../http/validation.ts';
import type { BoundedFile } from './bounded-file.ts';

/** An editor writes a file in several steps, each an event: one read after them is enough. */
const DEBOUNCE_MS = 50;
/** Where events do not come (network file systems, a full table of watches), a change is seen this late. */
const POLL_MS = 5_000;
/** By then every process has read a change: the poll, and what a read takes. */
export const SEEN_WITHIN_MS = POLL_MS + 1_000;

/** The content of a file. Changes are found by `text`: modification times are too coarse. */
export type Content<T> = { text: string; value: T } | { text: string; fault: string };

/** Reads a JSON file and checks it. Never rejects: what is wrong is its `fault`. */
export async function readContent<T>(file: BoundedFile, schema: z.ZodType<T>): Promise<Content<T>> {
  let text: string;
  try {
    text = await file.read();
  } catch (error) {
    return { text: '', fault: reasonOf(error) };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { text, fault: `it is not JSON${whereIn(error)}` };
  }
  const result = schema.safeParse(json);
  return result.success ? { text, value: result.data } : { text, fault: phraseOf(faultsOf(result.error.issues)) };
}

export interface WatchedFileOptions<T> {
  /** For log lines: "API keys file". */
  readonly name: string;
  readonly file: BoundedFile;
  readonly schema: z.ZodType<T>;
  /** What the file had when it was read first. */
  readonly seen: string;
  /** Called for each content that is valid, one after the other. */
  readonly onChange: (value: T) => Promise<void> | void;
  /** What an invalid content leaves as it is: "keys". */
  readonly stays: string;
  readonly logger: Logger;
}

/** A file that is read again when it changes. An invalid content is logged, and changes nothing. */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  #seen: string;
  #reading = Promise.resolve();

  constructor(options: WatchedFileOptions<T>) {
    this.#options = options;
    this.#seen = options.seen;
  }

  /** Reads the file, also if nothing seems to have changed. Never rejects. */
  readonly reload = (): Promise<void> => this.#readNext({ always: true });

  /** Reads the file whenever it changes, until the stop that it returns is called. */
  readonly watch = (): (() => void) => {
    const { name, logger } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const watcher = this.#watchDirectory(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void this.#readNext({ always: false });
      }, DEBOUNCE_MS);
    });
    const stopPolling = repeat(() => this.#readNext({ always: false }), {
      intervalMs: POLL_MS,
      onError: (error) => logger.error({ err: error }, `cannot poll the ${name}`),
    });
    return () => {
      watcher?.close();
      stopPolling();
      clearTimeout(timer);
    };
  };

  /** The directory, not the file: a watch of the file ends when another file is renamed over it. */
  #watchDirectory(onEvent: () => void): FSWatcher | undefined {
    const { name, file, logger } = this.#options;
    const pollOnly = (error: unknown): void => logger.warn({ err: error }, `cannot watch the ${name}: polling only`);
    try {
      return watch(dirname(file.path), onEvent).on('error', pollOnly);
    } catch (error) {
      pollOnly(error);
      return undefined;
    }
  }

  /** One read after the other, or an older content could win. */
  #readNext({ always }: { always: boolean }): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readOnce(always));
    return this.#reading;
  }

  async #readOnce(always: boolean): Promise<void> {
    const { name, file, schema, stays, logger, onChange } = this.#options;
    const found = await readContent(file, schema);
    if (found.text === this.#seen && !always) return;
    this.#seen = found.text;
    if ('fault' in found) {
      logger.error({ file: file.path, reason: found.fault }, `${name} is invalid: the old ${stays} stay`);
      return;
    }
    await onChange(found.value);
  }
}
