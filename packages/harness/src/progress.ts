import { type Writable } from 'node:stream';
import { Presets, SingleBar } from 'cli-progress';

/** Without a terminal a line is enough now and then. */
const LINE_EVERY_MS = 5_000;
/** A moment less than the five seconds within which a person is to see that something goes on. */
const HEARTBEAT_MS = 4_500;
const count = new Intl.NumberFormat('en-US');

/** Shows people how far a run is: one phase after the other. */
export interface ProgressDisplay {
  /** A line of its own. */
  log(line: string): void;
  /** Begins a phase of so many steps, and ends the one before. */
  begin(name: string, total: number): void;
  update(done: number): void;
  end(): void;
}

/** Logs as `log` does, and while nothing else is logged a line every few seconds: how long ago the last one was. */
export function heartbeat(log: (line: string) => void): Disposable & { log: (line: string) => void } {
  let last = { line: 'starting', at: performance.now() };
  const timer = setInterval(() => {
    log(`… ${last.line}: ${Math.round((performance.now() - last.at) / 1000)} s ago`);
  }, HEARTBEAT_MS);
  return {
    log: (line) => {
      last = { line, at: performance.now() };
      timer.refresh();
      log(line);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** A bar on a terminal, plain lines elsewhere. */
export function progressDisplay(stream: Writable & { isTTY?: boolean }): ProgressDisplay {
  return stream.isTTY === true ? new Bars(stream) : new Lines(stream);
}

class Bars implements ProgressDisplay {
  readonly #stream: Writable;
  #bar: SingleBar | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  log(line: string): void {
    this.end();
    this.#stream.write(`${line}\n`);
  }

  begin(name: string, total: number): void {
    this.end();
    this.#bar = new SingleBar(
      { format: `${name.padEnd(24)} {bar} {value} of {total} · {duration_formatted}`, stream: this.#stream },
      Presets.shades_classic,
    );
    this.#bar.start(total, 0);
  }

  update(done: number): void {
    this.#bar?.update(done);
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

class Lines implements ProgressDisplay {
  readonly #stream: Writable;
  #phase: { name: string; total: number; done: number; loggedAt: number } | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  log(line: string): void {
    this.#stream.write(`${line}\n`);
  }

  begin(name: string, total: number): void {
    this.end();
    this.#phase = { name, total, done: 0, loggedAt: performance.now() };
  }

  update(done: number): void {
    if (this.#phase === undefined) return;
    this.#phase.done = done;
    if (performance.now() - this.#phase.loggedAt < LINE_EVERY_MS) return;
    this.#phase.loggedAt = performance.now();
    this.#logPhase();
  }

  end(): void {
    if (this.#phase !== undefined) this.#logPhase();
    this.#phase = undefined;
  }

  #logPhase(): void {
    if (this.#phase === undefined) return;
    const { name, done, total } = this.#phase;
    this.log(`${name}: ${count.format(done)} of ${count.format(total)}`);
  }
}
