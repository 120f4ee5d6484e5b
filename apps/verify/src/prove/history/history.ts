import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HistoryEvent } from './events.ts';

/** All that was done and seen in a run, in the order in which it was known. */
export class History {
  readonly events: HistoryEvent[] = [];
  #lines = 0;
  #tokens = 0;

  record(event: HistoryEvent): void {
    this.events.push(event);
  }

  /** A number that no other connection has. */
  newLine(): number {
    return (this.#lines += 1);
  }

  /** A token that no other message has. */
  newToken(): string {
    return `m${(this.#tokens += 1)}`;
  }

  /** Writes it as JSON lines, after a first line that says what it is of. Gives the file's name. */
  async dump(about: Readonly<Record<string, unknown>>): Promise<string> {
    const file = join(await mkdtemp(join(tmpdir(), 'holdfast-history-')), 'history.jsonl');
    await writeFile(file, [about, ...this.events].map((line) => `${JSON.stringify(line)}\n`).join(''));
    return file;
  }
}
