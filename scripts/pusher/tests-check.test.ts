import { describe, expect, it } from 'vitest';
import { pusherTestFaults, titlesIn } from './tests-check.ts';

const SOURCE = `
describe.each(['one'])('a group of %s', () => {
  it('is a test', () => {
    expect([1])('not a title');
  });

  it.each([
    ['case', () => thing(1)],
  ])('is several tests of %s', () => undefined);

  it.each(['a', 'b'])(
    'is on a line of its own',
    async () => undefined,
  );
  it(\`has a template\`, () => undefined);
});
`;

describe('the tests that docs/reference/pusher.md names', () => {
  it('are found by their titles', () => {
    expect(titlesIn(SOURCE)).toEqual([
      'is a test',
      'is several tests of %s',
      'is on a line of its own',
      '(a test without a plain title in line 15)',
    ]);
  });

  it('are there, and it names all that are', async () => {
    expect(await pusherTestFaults()).toEqual([]);
  });
});
