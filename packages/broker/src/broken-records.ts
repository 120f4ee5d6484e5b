import { asked } from '@holdfast/redis/script';

/** A record in Redis that cannot be read: of another type than its key has, or incomplete. */
export interface BrokenRecord {
  kind: 'client' | 'index of clients' | 'topic';
  /** The name of a topic; of a client the first digits of its id only, for the whole of it is a credential. */
  name: string;
  reason: string;
}

const WRONG_TYPE = 'WRONGTYPE';
/** More than so many would only fill the log. */
const MAX_REPORTED = 1000;

/** Records that cannot be read are passed over, so that they spoil no list of others, and each is reported once. */
export class BrokenRecords {
  readonly #onBroken: (record: BrokenRecord) => void;
  readonly #reported = new Set<string>();

  constructor(onBroken: (record: BrokenRecord) => void = () => undefined) {
    this.#onBroken = onBroken;
  }

  /** What a command gives; null when its key is of another type. Rejects with `RedisUnavailable`. */
  async skip<T>(command: Promise<T>, found: Omit<BrokenRecord, 'reason'>): Promise<T | null> {
    try {
      return await command;
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith(WRONG_TYPE))) return asked(Promise.reject(error));
      this.report({ ...found, reason: error.message });
      return null;
    }
  }

  report(record: BrokenRecord): void {
    const name = `${record.kind} ${record.name}`;
    if (this.#reported.has(name) || this.#reported.size >= MAX_REPORTED) return;
    this.#reported.add(name);
    this.#onBroken(record);
  }
}
