/** What is sent with a call, and what it answers. */
interface Call {
  ask: unknown;
  answer: unknown;
}

/** The calls that a kind of worker takes, by name. */
export type CallsOf<C> = { [Name in keyof C]: Call };

/** How a worker carries out each of its calls. The signal aborts when what is under way is to be given up. */
export type Handlers<C extends CallsOf<C>> = {
  [Name in keyof C]: (ask: C[Name]['ask'], signal: AbortSignal) => Promise<C[Name]['answer']> | C[Name]['answer'];
};

export type ToWorker = { kind: 'call'; call: number; name: string; ask: unknown } | { kind: 'abort' };

export type FromWorker =
  | { kind: 'progress'; progress: unknown }
  | { kind: 'done'; call: number; answer: unknown }
  | { kind: 'failed'; call: number; message: string };

/**
 * The side of the worker process: carries out the calls of the pool that started it, and reports how far it is every
 * `progressMs`. Ends the process when the pool's is gone.
 */
export function serveCalls<C extends CallsOf<C>>(
  handlers: Handlers<C>,
  progress: () => unknown,
  progressMs: number,
): void {
  let current = new AbortController();
  const carryOut = async ({ call, name, ask }: Extract<ToWorker, { kind: 'call' }>) => {
    try {
      const handler = handlers[name as keyof C];
      const answer = await handler(ask, current.signal);
      send({ kind: 'progress', progress: progress() });
      send({ kind: 'done', call, answer });
    } catch (error) {
      send({ kind: 'failed', call, message: error instanceof Error ? error.message : String(error) });
    }
  };
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'call') {
      void carryOut(message);
      return;
    }
    const aborted = current;
    current = new AbortController();
    aborted.abort();
  });
  process.on('disconnect', () => process.exit(1));
  setInterval(() => send({ kind: 'progress', progress: progress() }), progressMs);
}

function send(message: FromWorker): void {
  // The pool may be gone; `disconnect` ends this process then.
  if (process.connected) process.send?.(message);
}
