const EVERY_MS = 5000;

/** Says every few seconds how far something has come, and how fast it goes, until it is disposed of. */
export function sayProgress(what: string, of: number, count: () => number, say: (line: string) => void): Disposable {
  let before = { at: performance.now(), count: 0 };
  const timer = setInterval(() => {
    const now = { at: performance.now(), count: count() };
    const rate = ((now.count - before.count) / (now.at - before.at)) * 1000;
    before = now;
    say(`${what}: ${now.count.toLocaleString('en-US')} of ${of.toLocaleString('en-US')}, ${Math.round(rate)} a second`);
  }, EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
