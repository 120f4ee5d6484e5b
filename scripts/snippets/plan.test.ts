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
    expect(faultsOf('```php run=a file=a.php', '<?php', '```', '```sh run=a', 'php a.php', '```')).toEqual([]);
    expect(faultsOf('```php run=a', '<?php', '```')).toEqual(['docs/page.md:1: a php in a session needs file=<name>']);
  });

  it('names code that is no whole fenced block, with page and line', () => {
    const sh = 'sh without run=<session>, not-run="<why>" or tested-by=<test>';
    expect(faultsOf('Text.', '', '```sh run=a', 'true')).toEqual(['docs/page.md:3: this fence is never closed']);
    expect(faultsOf('```sh run=a', 'true', '~~~', '', 'Text.')).toEqual(['docs/page.md:1: this fence is never closed']);
    expect(faultsOf('> Text.', '> ```sh', '> rm -r x', '> ```')).toEqual([`docs/page.md:2: ${sh}`]);
    expect(faultsOf('1. Text.', '2. ```sh', '   rm -r x', '   ```')).toEqual([`docs/page.md:2: ${sh}`]);
    expect(faultsOf('- Text:', '', '  > - ```sh', '  >   rm -r x', '  >   ```')).toEqual([`docs/page.md:3: ${sh}`]);
    expect(faultsOf('Text.', '', '<pre>', 'rm -r x', '</pre>')).toEqual([
      'docs/page.md:3: nothing checks <pre>: it needs a fence',
    ]);
    expect(faultsOf('| a |', '| - |', '| <pre>rm</pre> |')).toEqual([
      'docs/page.md:3: nothing checks <pre>: it needs a fence',
    ]);
    expect(faultsOf('Text.', '', '    rm -r x', '')).toEqual([
      'docs/page.md:3: nothing checks indented code: it needs a fence',
    ]);
    expect(faultsOf('- Text.', '', '      rm -r x', '')).toEqual([
      'docs/page.md:3: nothing checks indented code: it needs a fence',
    ]);
    expect(faultsOf('<details>', '```sh run=a', 'true', '```', '</details>')).toEqual([
      'docs/page.md:2: a fence in HTML is text: it needs an empty line before it',
      'docs/page.md:4: a fence in HTML is text: it needs an empty line before it',
    ]);
    expect(faultsOf('<!--', '    indented', '```sh', 'true', '```', '-->', '```sh', 'true', '```')).toEqual([
      `docs/page.md:3: ${sh}`,
      `docs/page.md:7: ${sh}`,
    ]);
  });

  it('names a file of a session that no command uses, itself or by another file', () => {
    const files = ['```ts run=a file=src/x.ts', 'x();', '```', '```ts run=a file=y.ts', "import './src/x.js';", '```'];
    expect(faultsOf(...files)).toEqual([
      'docs/page.md:1: no command of the session uses file=src/x.ts',
      'docs/page.md:4: no command of the session uses file=y.ts',
    ]);
    expect(faultsOf(...files, '```sh run=b', 'node y.ts', '```')).toHaveLength(2);
    expect(faultsOf(...files, '```sh run=a', 'node my.ts', '```')).toHaveLength(2);
    expect(faultsOf(...files, '```sh run=a', 'node y.ts', '```')).toEqual([]);
  });

  it('takes an output for that of the block before: of the same page, and by a session or, marked so, a test', () => {
    const tested = ['```sh run=a', 'true', '```', '```sh tested-by=a.test.ts', 'true', '```'];
    expect(faultsOf(...tested, '```text output', 'x', '```')).toEqual([
      'docs/page.md:7: this output follows no block that prints it',
    ]);
    expect(faultsOf(...tested, '```text output tested-by=a.test.ts', 'x', '```')).toEqual([]);
    const pages = [...blocksOf('a.md', '```sh run=a\ntrue\n```'), ...blocksOf('b.md', '```text output\nx\n```')];
    expect(planOf(pages).faults.map(({ page }) => page)).toEqual(['b.md']);
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
