import { redisUrl } from '@holdfast/testkit/redis';
import { describe, expect, it } from 'vitest';
import { blocksOf } from '@holdfast/snippets/block';
import { type Checked, checkBlocks } from '@holdfast/snippets/check';
import { readBlocks } from '@holdfast/snippets/pages';

/** Packages are built, packed and installed, and every page's sessions run one after the other. */
const ALL_MS = 170_000;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Faults that are put in: each has to be named beside those of the pages. */
const PLANTED = blocksOf(
  'planted.md',
  [
    '```sh',
    'echo unmarked',
    '```',
    '```sh run=planted',
    'npx holdfast publish news.sport 1 > /dev/null',
    'curl -s $API/v1/topics/news.sport | grep -o no-such-word',
    '```',
    '```ts',
    "import { connect } from '@holdfast/client';",
    "connect({ clientId: 'x', url: 'wss://edge.example.com' }).on('massage', () => undefined);",
    '```',
  ].join('\n'),
);

function named({ faults }: Checked): string[] {
  return faults.map(({ page, line, what }) => `${page}:${line}: ${what}`);
}

describe('the snippets of all pages', () => {
  it(
    'run, print what the pages show, and fit the types of the packages; faults that are put in are named',
    async () => {
      const blocks = await readBlocks();
      const checked = await checkBlocks([...blocks, ...PLANTED], { announce: print, redisUrl: redisUrl() });
      for (const { block, why } of checked.notRun) print(`not run: ${block.page}:${block.line}: ${why}`);
      const faults = named(checked);
      expect(faults.filter((fault) => !fault.startsWith('planted.md:'))).toEqual([]);
      expect(faults).toEqual([
        expect.stringMatching(/^planted\.md:1: sh without run=/),
        expect.stringMatching(/^planted\.md:6: exit code 1/),
        expect.stringMatching(/^planted\.md:10: TS2345: .*massage/),
      ]);
      expect(checked.plan.sessions.length).toBeGreaterThan(10);
    },
    ALL_MS,
  );
});
