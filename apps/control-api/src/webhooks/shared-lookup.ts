import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';

/** What a name resolves to, all of it. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Less than a request may take, so that it says what it waited for. */
const TIMEOUT_MS = 5_000;
/** An address that changes is used this late. */
const KEPT_MS = 3_000;

interface Lookup {
  /** Rejects with the error of the resolver. */
  readonly addresses: Promise<LookupAddress[]>;
  /** When it is over, by `performance.now`; Infinity while it is under way. */
  until: number;
}

/**
 * One lookup of a name at a time, whoever asks for it, and none for some seconds after it: a resolver that hangs takes one
 * of the few threads on which Node resolves, and not all. Failures are not kept.
 */
export function sharedLookup(
  resolve: Resolve = lookup,
  { timeoutMs = TIMEOUT_MS, keptMs = KEPT_MS }: { timeoutMs?: number; keptMs?: number } = {},
): Resolve {
  const lookups = new Map<string, Lookup>();

  function begin(hostname: string, options: LookupOptions & { all: true }, name: string): Lookup {
    const { promise, resolve: found, reject: failed } = Promise.withResolvers<LookupAddress[]>();
    const begun: Lookup = { addresses: promise, until: Infinity };
    lookups.set(name, begun);
    resolve(hostname, options, (error, those) => {
      if (error) {
        lookups.delete(name);
        failed(error);
      } else {
        begun.until = performance.now() + keptMs;
        found(those);
      }
    });
    return begun;
  }

  return (hostname, options, callback) => {
    const now = performance.now();
    for (const [name, { until }] of lookups) if (until <= now) lookups.delete(name);
    const name = `${hostname} ${options.family ?? 0} ${options.hints ?? 0}`;
    const { addresses } = lookups.get(name) ?? begin(hostname, options, name);
    const timer = setTimeout(() => {
      answer(new Error(`${hostname} could not be looked up within ${timeoutMs} ms`), []);
    }, timeoutMs);
    let isAnswered = false;
    const answer: typeof callback = (error, those) => {
      if (isAnswered) return;
      isAnswered = true;
      clearTimeout(timer);
      callback(error, those);
    };
    addresses.then(
      (those) => answer(null, those),
      (error: NodeJS.ErrnoException) => answer(error, []),
    );
  };
}
