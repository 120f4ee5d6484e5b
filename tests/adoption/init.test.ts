import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@holdfast/local/free-port';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import { writeStateFile } from '@holdfast/local/state-file';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, it } from 'vitest';
import { startBackend } from '../e2e/backend.ts';
import { startBrowser } from '../e2e/browser.ts';
import { startConsumer } from '../e2e/packages/consumer.ts';

const PATIENCE = { timeoutMs: 30_000 };
const holdfast = join(repositoryRoot, 'apps/cli/bin/holdfast.js');

it('npx holdfast init writes an application that shows a message in a page', async () => {
  await using consumer = await startConsumer();
  await using backend = await startBackend({ edges: 1 });
  const { controlUrl, edgeUrls, key, keysFile } = backend.installation;
  // The folder of an npm start that runs.
  const startFolder = join(consumer.path, 'started');
  await mkdir(startFolder);
  await writeStateFile({ controlUrl, edgeUrls: [...edgeUrls], key, keysFile, pid: process.pid }, startFolder);
  const init = async (...args: string[]) => {
    const line = [
      '-c',
      'cd "$1" && shift && exec "$@"',
      'sh',
      startFolder,
      process.execPath,
      holdfast,
      'init',
      '..',
      ...args,
    ];
    return runCommand('sh', line, process.env);
  };

  expect((await init('--dry-run')).output).toContain('Would be written in');
  await expect(stat(join(consumer.path, '.env'))).rejects.toMatchObject({ code: 'ENOENT' });
  const written = await init();
  expect(written).toMatchObject({ code: 0 });
  for (const line of ['npm run packages', 'npm install', 'node --env-file=.env backend.mjs']) {
    expect(written.output).toContain(line);
  }
  for (const secret of ['.env', 'holdfast/api-keys.json']) {
    expect((await stat(join(consumer.path, secret))).mode & 0o777).toBe(0o600);
  }
  const again = await init('--json');
  const { files } = JSON.parse(again.output) as { files: { action: string }[] };
  expect(files.map(({ action }) => action)).toEqual(files.map(() => 'keep'));
  await writeFile(
    join(consumer.path, 'page.html'),
    `${await readFile(join(consumer.path, 'page.html'), 'utf8')}<!-- mine -->`,
  );
  expect(await init()).toMatchObject({ code: 2, printed: expect.stringContaining('page.html is there already') });

  const port = await freePort();
  await using started = new AsyncDisposableStack();
  started.use(consumer.start(process.execPath, ['--env-file=.env', 'backend.mjs'], { PORT: String(port) }));
  const site = `http://127.0.0.1:${port}`;
  await eventually(async () => expect((await fetch(site)).ok).toBe(true), PATIENCE);
  await using browser = await startBrowser();
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(site);
  await page.getByText('open', { exact: true }).waitFor();
  await page.getByRole('button').click();
  await page.getByRole('listitem').filter({ hasText: 'Hello' }).waitFor();
  expect(errors).toEqual([]);
});
