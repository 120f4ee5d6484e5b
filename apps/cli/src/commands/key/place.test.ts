import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recordingTerminal } from '../../testing/recording-terminal.ts';
import { run } from '../../run.ts';
import type { Terminal } from '../../terminal.ts';

const CREATE = ['create', '--id', 'a', '--register'];
const IS_READ = 'The control-api at http://127.0.0.1:9 reads this file';

let directory: string;
let kept: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  kept = join(directory, 'kept.json');
});

afterEach(() => rm(directory, { recursive: true }));

async function running() {
  return { controlUrl: 'http://127.0.0.1:9', edgeUrls: [], key: 'dev.secret', keysFile: kept, pid: process.pid };
}

async function none() {
  return null;
}

/** What `key` prints, for a person. */
async function key(args: string[], given: Partial<Pick<Terminal, 'environment' | 'installation'>>): Promise<string> {
  const terminal = recordingTerminal(given);
  const exitCode = await run(['key', ...args], terminal);
  expect({ exitCode, err: terminal.errLines }).toEqual({ exitCode: 0, err: [] });
  return terminal.outLines.join('\n');
}

it('is that of the npm start that runs, and each command says that it is read again', async () => {
  for (const args of [CREATE, ['list'], ['revoke', 'a']]) {
    const out = await key(args, { installation: running });
    expect(out).toContain(kept);
    expect(out).toContain(IS_READ);
  }
  expect(JSON.parse(await readFile(kept, 'utf8'))).toEqual({ keys: [] });
});

it('is the one that was named, by --file before API_KEYS_FILE, and the output names the variable that control-api needs', async () => {
  const [file, variable] = [join(directory, 'file.json'), join(directory, 'variable.json')];
  const environment = { API_KEYS_FILE: variable };
  const byFile = await key([...CREATE, '--file', file], { environment, installation: running });
  expect(byFile).toContain(`A control-api started with API_KEYS_FILE=${file} reads`);
  expect(byFile).not.toContain(IS_READ);
  expect(await key(CREATE, { environment, installation: running })).toContain(`API_KEYS_FILE=${variable} reads`);
  expect((await readdir(directory)).toSorted()).toEqual(['file.json', 'variable.json']);
});

it('is read by the running control-api also when it was named', async () => {
  expect(await key(['list', '--file', kept], { installation: running })).toContain(IS_READ);
});

it('is ./api-keys.json when no installation runs', async () => {
  const out = await key(['list', '--json'], { installation: none });
  expect(JSON.parse(out)).toMatchObject({ file: resolve('api-keys.json'), readBy: null });
});

it('is explained by --help', async () => {
  for (const command of ['create', 'list', 'revoke']) {
    const help = (await key([command, '--help'], {})).replaceAll(/\s+/g, ' ');
    expect(help).toContain('the file that a running npm start reads, or ./api-keys.json');
  }
});
