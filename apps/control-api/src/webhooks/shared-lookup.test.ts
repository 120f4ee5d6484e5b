import type { LookupAddress } from 'node:dns';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Resolve, sharedLookup } from './shared-lookup.ts';

type Answer = Parameters<Parameters<Resolve>[2]>;

const ONE: LookupAddress = { address: '1.1.1.1', family: 4 };

/** A resolver that answers when the test says so. */
function resolver() {
  const asked: ((...answer: Answer) => void)[] = [];
  const resolve: Resolve = (_hostname, _options, callback) => void asked.push(callback);
  const shared = sharedLookup(resolve, { timeoutMs: 5_000, keptMs: 3_000 });
  const lookUp = (hostname: string): Promise<string> =>
    new Promise((done) => {
      shared(hostname, { all: true }, (error, addresses) => {
        done(error?.message ?? addresses.map(({ address }) => address).join());
      });
    });
  return { asked, lookUp };
}

test('a name is looked up once for all who ask meanwhile, and kept for some seconds', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { asked, lookUp } = resolver();
  const both = [lookUp('a.example'), lookUp('a.example')];
  const other = lookUp('b.example');
  expect(asked).toHaveLength(2);
  for (const answer of asked) answer(null, [ONE]);
  expect(await Promise.all([...both, other])).toEqual(['1.1.1.1', '1.1.1.1', '1.1.1.1']);
  await vi.advanceTimersByTimeAsync(2_900);
  expect(await lookUp('a.example')).toBe('1.1.1.1');
  expect(asked).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(200);
  void lookUp('a.example');
  expect(asked).toHaveLength(3);
});

test('a resolver that hangs is not asked again for the name, and whoever asks is answered in time', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { asked, lookUp } = resolver();
  for (let call = 0; call < 5; call += 1) {
    const waiting = lookUp('a.example');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await waiting).toBe('a.example could not be looked up within 5000 ms');
  }
  expect(asked).toHaveLength(1);
  asked[0]?.(null, [ONE]);
  expect(await lookUp('a.example')).toBe('1.1.1.1');
});

test('a failure is not kept', async () => {
  const { asked, lookUp } = resolver();
  const failing = lookUp('a.example');
  asked[0]?.(new Error('no such name'), []);
  expect(await failing).toBe('no such name');
  const next = lookUp('a.example');
  asked[1]?.(null, [ONE]);
  expect(await next).toBe('1.1.1.1');
});
