import { writeSync } from 'node:fs';

const STDOUT = 1;
/** A reader that is slower than us, for a moment, is waited for; one that stands still is not: everything else would. */
const BUSY_WAITS = 10;
const BUSY_WAIT_MS = 5;
const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Writes a piece of bytes, as `writeSync` of node:fs does. */
type Write = (fd: number, bytes: Buffer, offset: number) => number;

/**
 * Where log lines go, each written at once: a process that exits right after its last line must not lose it. A line that
 * cannot be written (a full disk, a broken one, a reader that has gone) is dropped and counted, for a service with
 * thousands of connections must not end for want of a log.
 */
export class LogOutput {
  readonly #fd: number;
  readonly #write: Write;
  #dropped = 0;
  #droppedNow = 0;
  #code = '';
  /** A line was written in part: the next one begins on a line of its own. */
  #torn = false;
  /** Called once when lines can be written again: how many were dropped, and the code of the last error. */
  onRecovery: ((fields: { dropped: number; code: string }) => void) | undefined;

  constructor(fd: number = STDOUT, write: Write = writeSync) {
    this.#fd = fd;
    this.#write = write;
  }

  /** How many lines were dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    const bytes = Buffer.from(this.#torn ? `\n${line}` : line);
    let written = 0;
    try {
      for (let waits = 0; written < bytes.length;) written += this.#writeSome(bytes, written, () => (waits += 1));
    } catch (error) {
      this.#drop(error, written > 0);
      return;
    }
    this.#torn = false;
    if (this.#droppedNow > 0) this.#recover();
  }

  /** Gives 0 where a slow reader was waited for. */
  #writeSome(bytes: Buffer, offset: number, countWait: () => number): number {
    try {
      const written = this.#write(this.#fd, bytes, offset);
      if (written === 0) throw new Error('nothing was written');
      return written;
    } catch (error) {
      const isBusy = codeOf(error) === 'EAGAIN' && this.#droppedNow === 0 && countWait() <= BUSY_WAITS;
      if (!isBusy) throw error;
      Atomics.wait(sleeper, 0, 0, BUSY_WAIT_MS);
      return 0;
    }
  }

  #drop(error: unknown, inPart: boolean): void {
    this.#torn ||= inPart;
    this.#code = codeOf(error);
    this.#dropped += 1;
    this.#droppedNow += 1;
  }

  #recover(): void {
    const fields = { dropped: this.#droppedNow, code: this.#code };
    this.#droppedNow = 0;
    this.onRecovery?.(fields);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Of this process. */
export const standardOutput = new LogOutput();
