import { describe, expect, it } from 'vitest';
import { portRewriter } from './port-rewriter.ts';

const PORTS = new Map([
  [30_001, 40_001],
  [30_002, 40_002],
]);

const rewritten = (text: string, pieces: readonly number[] = []) => {
  const rewrite = portRewriter(PORTS);
  const cuts = [0, ...pieces, text.length];
  return cuts
    .slice(1)
    .map((to, index) => rewrite(Buffer.from(text.slice(cuts[index], to), 'latin1')).toString('latin1'))
    .join('');
};

describe('a client stays behind the proxies', () => {
  it.each([
    ['*3\r\n$9\r\n127.0.0.1\r\n:30001\r\n$2\r\nid\r\n', '*3\r\n$9\r\n127.0.0.1\r\n:40001\r\n$2\r\nid\r\n'],
    ['-MOVED 42 127.0.0.1:30002\r\n', '-MOVED 42 127.0.0.1:40002\r\n'],
    ['id 127.0.0.1:30001@30002 myself\n', 'id 127.0.0.1:40001@30002 myself\n'],
    ['*2\r\n$9\r\n127.0.0.1\r\n$5\r\n30002\r\n', '*2\r\n$9\r\n127.0.0.1\r\n$5\r\n40002\r\n'],
  ])('%j becomes %j', (given, wanted) => {
    expect(rewritten(given)).toBe(wanted);
    // Cut right before a port on a line of its own it looks like data, and replies do not come cut there.
    const cuts = Array.from(given, (_, at) => at).filter((at) => at > 0 && given[at - 1] !== '\n');
    expect(cuts.filter((at) => rewritten(given, [at]) !== wanted)).toEqual([]);
  });

  it.each(['+OK\r\n', ':30003\r\n', ':300011\r\n', '$7\r\na30001b\r\n', '\xff\xfe\r\n'])(
    '%j stays as it is',
    (text) => {
      expect(rewritten(text)).toBe(text);
    },
  );
});

it('what has no five digits is refused', () => {
  expect(() => portRewriter(new Map([[6379, 40_001]]))).toThrow('port 6379');
});
