import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import type { Block } from './block.ts';
import type { Fault } from './plan.ts';

const COMPILER = join(repositoryRoot, 'node_modules/typescript/bin/tsc');
/** `page/12.ts(14,3): error TS2322: …` */
const ERROR = /^([^\s(][^(]*)\((\d+),\d+\): error (TS\d+: .*)$/;
const OPTIONS = {
  target: 'esnext',
  lib: ['esnext', 'dom', 'dom.iterable'],
  types: ['node'],
  module: 'esnext',
  moduleResolution: 'bundler',
  // A file without import and export is a script, and its declarations are the page's.
  moduleDetection: 'legacy',
  jsx: 'react-jsx',
  strict: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
};
/** By the address at which a page loads it, as the pages here name it. */
const PAGE_BUNDLE = 'holdfast';

/**
 * Checks the types of blocks against the packages that are installed in a folder. The blocks of a page are checked
 * together with its declarations (`given`), and may import each other by `file=`. Lines stay those of the page.
 */
export async function typeFaults(blocks: readonly Block[], installed: string): Promise<Fault[]> {
  const root = join(installed, 'types');
  await rm(root, { recursive: true, force: true });
  const faults: Fault[] = [];
  for (const [page, ofPage] of Map.groupBy(blocks, (block) => block.page)) {
    const folder = join(root, page.replaceAll(/[^\w.-]/g, '-'));
    const files = await writeBlocks(folder, ofPage);
    const given = ofPage.filter(({ marks }) => marks.given).map(fileOf);
    const typed = [...files.keys()].filter((file) => /\.m?tsx?$/.test(file));
    const plain = [...files.keys()].filter((file) => /\.m?js$/.test(file));
    if (typed.some((file) => !given.includes(file))) faults.push(...(await compile(folder, 'ts', typed, {}, files)));
    // JavaScript cannot name the types of its parameters.
    const js = { allowJs: true, checkJs: true, noImplicitAny: false };
    if (plain.length > 0) faults.push(...(await compile(folder, 'js', [...given, ...plain], js, files)));
  }
  return faults;
}

async function writeBlocks(folder: string, blocks: readonly Block[]): Promise<Map<string, Block>> {
  const files = new Map<string, Block>();
  const bundle = `export * from '@holdfast/client';\n`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${PAGE_BUNDLE}.d.ts`), bundle);
  for (const block of blocks) {
    const named = fileOf(block);
    // A later state of the same file.
    const file = files.has(named) ? `${block.line}/${named}` : named;
    files.set(file, block);
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), sourceOf(block));
  }
  return files;
}

function fileOf({ line, language, marks: { file } }: Block): string {
  if (file !== undefined && language !== 'html') return file;
  return `${line}.${language === 'html' ? 'js' : language}`;
}

/** The code at the lines that it has in the page. */
function sourceOf({ line, language, code, marks }: Block): string {
  const source = language === 'html' ? scriptsOf(code) : code;
  const module = marks.given ? '' : 'export {};\n';
  return '\n'.repeat(line) + source + module;
}

/** A document with all but its scripts left blank. */
function scriptsOf(html: string): string {
  const [before = '', ...scripts] = html.split(/<script\b[^>]*>/);
  const kept = scripts.map((script) => {
    const [code = '', ...after] = script.split('</script>');
    return code + blank(after.join(''));
  });
  return blank(before) + kept.join('');
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, '');
}

async function compile(
  folder: string,
  kind: string,
  include: readonly string[],
  options: object,
  files: ReadonlyMap<string, Block>,
): Promise<Fault[]> {
  const config = join(folder, `${kind}.json`);
  const paths = { [`/${PAGE_BUNDLE}.js`]: [`./${PAGE_BUNDLE}.d.ts`] };
  await writeFile(config, JSON.stringify({ compilerOptions: { ...OPTIONS, ...options, paths }, files: include }));
  const inside = ['-c', 'cd "$1" && shift && exec "$@"', 'sh', folder, process.execPath, COMPILER, '-p', config];
  const { code, printed } = await runCommand('sh', inside, process.env);
  const faults = printed.split('\n').flatMap((text) => {
    const [, file = '', line, what = ''] = ERROR.exec(text) ?? [];
    const block = files.get(file);
    return block === undefined ? [] : [{ page: block.page, line: Number(line), what }];
  });
  if (code !== 0 && faults.length === 0) throw new Error(`the compiler failed:\n${printed}`);
  return faults;
}
