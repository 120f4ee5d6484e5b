import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { metricsPage } from './metrics-page.ts';
import { closeCodesPage, configurationPage, problemsPage, rfc6455Page } from './reference-pages.ts';

// Writes docs/reference/ from the code. With --check it writes nothing, names every page that is out of date, and exits
// with 1 when there is one.

const FOLDER = new URL('../docs/reference/', import.meta.url);
const OPENAPI_PROGRAM = fileURLToPath(new URL('../apps/control-api/src/print-openapi.ts', import.meta.url));

const pages = new Map<string, string>([
  ['configuration.md', configurationPage()],
  ['problems.md', problemsPage()],
  ['close-codes.md', closeCodesPage()],
  ['rfc6455.md', rfc6455Page()],
  ['metrics.md', await metricsPage()],
  ['openapi.json', (await promisify(execFile)(process.execPath, [OPENAPI_PROGRAM])).stdout],
]);

if (process.argv.includes('--check')) await check();
else await write();

async function write(): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const [name, text] of pages) await writeFile(new URL(name, FOLDER), text);
}

async function check(): Promise<void> {
  const outdated: string[] = [];
  for (const [name, text] of pages) {
    if ((await writtenAs(name)) !== text) outdated.push(name);
  }
  for (const name of outdated) process.stderr.write(`docs/reference/${name} is out of date: run "npm run docs"\n`);
  if (outdated.length > 0) process.exitCode = 1;
}

async function writtenAs(name: string): Promise<string | null> {
  try {
    return await readFile(new URL(name, FOLDER), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
