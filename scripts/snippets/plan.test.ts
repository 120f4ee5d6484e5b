import { describe, expect, it } from 'vitest';
import { blocksOf } from './block.ts';
import { planOf } from './plan.ts';

function faultsOf(...lines: string[]): string[] {
  return planOf(blocksOf('docs/page.md', lines.join('\n'))).faults.map(
    ({ page, line, what }) => `${page}:${line}: ${what}`,
  );
}

describe('the plan of a page', () => {
  it('names a block that nothing would check, with page and line', () => {
    expect(faultsOf('# Page', '', '```sh', 'npx holdfast edges', '```')).toEqual([
      'docs/page.md:3: sh without run=<session>, not-run="<why>" or tested-by=<test>',
    ]);
    expect(faultsOf('```', 'text', '```')).toEqual(['docs/page.md:1: a block without a language']);
    expect(faultsOf('```cobol', 'MOVE', '```')).toEqual(['docs/page.md:1: nothing checks a block of "cobol"']);
  });

  it('takes any language as a file of a session, or with a reason', () => {
    expect(faultsOf('```php not-run="no PHP here"', '<?php', '```')).toEqual([]);
    expect(faultsOf('```php run=a file=a.php', '<?php', '```')).toEqual([]);
    expect(faultsOf('```php run=a', '<?php', '```')).toEqual(['docs/page.md:1: a php in a session needs file=<name>']);
  });

  it('refuses marks that it does not know, that exclude each other, or that leave the folder', () => {
    expect(faultsOf('```sh runs=a', '```')).toEqual([
      'docs/page.md:1: "runs=a" is no mark of a block (CONTRIBUTING.md, "Snippets")',
    ]);
    expect(faultsOf('```sh run=a not-run="later"', '```')).toEqual([
      'docs/page.md:1: run=, not-run= and tested-by= exclude each other',
    ]);
    expect(faultsOf('```js run=a file=../a.js', '```')).toEqual([
      'docs/page.md:1: file=../a.js leaves the folder of the session',
    ]);
    expect(faultsOf('```text output', '```')).toEqual(['docs/page.md:1: this output follows no block that prints it']);
  });

  it('gathers the blocks of a session in the order of the page, those in comments and lists too', () => {
    const text = [
      '<!--',
      '```sh run=a',
      'X=1',
      '```',
      '-->',
      '```js run=a file=a.js',
      'log();',
      '```',
      '- In a list:',
      '',
      '  ```sh run=a background=b',
      '  node a.js',
      '    indented',
      '  ```',
      '```text output=b',
      '…',
      '```',
    ].join('\n');
    const { sessions, faults } = planOf(blocksOf('docs/page.md', text));
    expect(faults).toEqual([]);
    expect(
      sessions.map(({ name, steps }) => [name, steps.map(({ kind, block }) => [kind, block.line, block.code])]),
    ).toEqual([
      [
        'a',
        [
          ['run', 2, 'X=1\n'],
          ['file', 6, 'log();\n'],
          ['run', 11, 'node a.js\n  indented\n'],
          ['output', 15, '…\n'],
        ],
      ],
    ]);
  });
});
